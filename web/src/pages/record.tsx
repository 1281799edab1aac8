import { useEffect, useState } from 'preact/hooks';
import { get, Refusal, sentenceOf } from '../api';
import { resync, reverify } from '../actions';
import type { ChecksumRow, RegistryRow, Status, Story } from '../documents';
import { bytes, path } from '../format';
import { status } from '../live';
import { Action } from '../parts/action';
import { Fact, Facts } from '../parts/facts';
import { Icon } from '../parts/icon';
import { Standing } from '../parts/standing';
import { Ago, Moment } from '../parts/time';
import { href } from '../router';
import { standingOf, standingOfOwn } from '../words';

type Row = RegistryRow | ChecksumRow;

/** The record and its story as they are now; null: there is none. */
function useStory(path: string): { told: Story<Row> | null | undefined; failure: string | null } {
  const [told, setTold] = useState<Story<Row> | null | undefined>(undefined);
  const [failure, setFailure] = useState<string | null>(null);
  const now = status.value;
  useEffect(() => {
    const end = new AbortController();
    get<Story<Row>>(path, end.signal).then(
      (story) => {
        setTold(story);
        setFailure(null);
      },
      (failed: unknown) => {
        if (end.signal.aborted) return;
        if (failed instanceof Refusal && failed.status === 404) setTold(null);
        else setFailure(sentenceOf(failed));
      },
    );
    return () => end.abort();
  }, [path, now]);
  return { told, failure };
}

function Crumbs({ name }: { name: string }) {
  return (
    <p class="crumbs">
      <a href={href([])}>Overview</a>
      <span aria-hidden="true"> / </span>
      <a href={href(['types', name])}>{name}</a>
      <span aria-hidden="true"> / </span>
      <a href={href(['types', name, 'records'])}>Records</a>
    </p>
  );
}

/** How it stands, why, and what comes next, in the node's own sentences. */
function Told({ told, wrong }: { told: Story<Row>; wrong: boolean }) {
  return (
    <section class={wrong ? 'told problems' : 'told panel'} aria-label="How it stands">
      <p class="summary">{told.summary}</p>
      {told.cause ? <p>{told.cause}</p> : null}
      <p class="next">
        <span>Next: </span>
        {told.next_step}
      </p>
    </section>
  );
}

function Past({ told }: { told: Story<Row> }) {
  if (told.story.length === 0) return null;
  return (
    <section aria-labelledby="past">
      <h2 id="past">What happened</h2>
      <ol class="past">
        {told.story.map((one) => (
          <li key={one.at + one.what}>
            <Moment at={one.at} />
            <span>
              {one.what} <span class="aside"><Ago at={one.at} /></span>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Both checksums, one above the other, so that a difference is seen. */
function Checksums({ here, there }: { here: string | null; there: string | null }) {
  const known = here !== null && there !== null;
  const same = here === there;
  return (
    <section aria-labelledby="checksums">
      <h2 id="checksums">Checksums (SHA-256)</h2>
      <dl class="checksums">
        <div>
          <dt>Here</dt>
          <dd>{here ? <code>{here}</code> : 'none yet'}</dd>
        </div>
        <div>
          <dt>On the primary</dt>
          <dd>{there ? <code>{there}</code> : 'it has not told yet'}</dd>
        </div>
      </dl>
      {known ? (
        <p class={`standing ${same ? 'verified' : 'failed'}`}>
          <Icon of={same ? 'ok' : 'warning'} /> {same ? 'They are the same.' : 'They differ.'}
        </p>
      ) : null}
    </section>
  );
}

function RegistryRecord({ told, row, name }: { told: Story<Row>; row: RegistryRow; name: string }) {
  const standing = standingOf(row);
  return (
    <>
      <div class="page-head">
        <Crumbs name={name} />
        <h1>
          {name} {row.key}
        </h1>
        <p class="path">
          <code>{path(row.locator)}</code>
        </p>
        <Standing of={standing} />
        <div class="buttons">
          <Action label="Resync" kind="main" run={() => resync(name, { ids: [row.record_id] })} />
          <Action label="Reverify" run={() => reverify(name, { ids: [row.record_id] })} />
        </div>
      </div>
      <Told told={told} wrong={standing.kind === 'failed' || standing.kind === 'missing'} />
      <Past told={told} />
      <Checksums here={row.checksum} there={row.primary_checksum} />
      <section aria-labelledby="facts">
        <h2 id="facts">Details</h2>
        <Facts>
          <Fact name="Size">{row.size === null ? 'not known' : bytes(row.size)}</Fact>
          <Fact name="Failures in a row">
            {row.retry_count}
            {row.retry_at ? (
              <span class="aside">
                next try <Ago at={row.retry_at} />
              </span>
            ) : null}
          </Fact>
          <Fact name="Newest change known">{row.target_revision}</Fact>
          <Fact name="Change on the disk">
            {row.synced_revision ?? 'none yet'}
            {row.synced_revision !== null && row.synced_revision !== row.target_revision ? (
              <span class="aside">not the newest</span>
            ) : null}
          </Fact>
          <Fact name="Record number">{row.record_id}</Fact>
        </Facts>
      </section>
    </>
  );
}

function OwnRecord({ told, row, name }: { told: Story<Row>; row: ChecksumRow; name: string }) {
  return (
    <>
      <div class="page-head">
        <Crumbs name={name} />
        <h1>
          {name} {row.key}
        </h1>
        <Standing of={standingOfOwn(row)} />
        <div class="buttons">
          <Action label="Reverify" kind="main" run={() => reverify(name, { ids: [row.record_id] })} />
        </div>
      </div>
      <Told told={told} wrong={row.verification_state === 'failed'} />
      <Past told={told} />
      <section aria-labelledby="facts">
        <h2 id="facts">Details</h2>
        <Facts>
          <Fact name="Read last">{row.verified_at ? <Moment at={row.verified_at} /> : 'never'}</Fact>
          <Fact name="Read again">
            {row.verification_retry_at ? <Ago at={row.verification_retry_at} /> : 'as its turn comes'}
          </Fact>
          <Fact name="Failures in a row">{row.verification_retry_count}</Fact>
          <Fact name="Change">{row.revision}</Fact>
          <Fact name="Record number">{row.record_id}</Fact>
        </Facts>
      </section>
      <section aria-labelledby="checksums">
        <h2 id="checksums">Checksum (SHA-256)</h2>
        <dl class="checksums">
          <div>
            <dt>Here</dt>
            <dd>{row.verification_checksum ? <code>{row.verification_checksum}</code> : 'none yet'}</dd>
          </div>
        </dl>
      </section>
    </>
  );
}

export function RecordPage({ now, name, id }: { now: Status; name: string; id: number }) {
  const list = now.role === 'secondary' ? 'registry' : 'verification';
  const { told, failure } = useStory(`/api/v1/${list}/${encodeURIComponent(name)}/${id}`);
  if (told) {
    const row = told.record;
    return 'locator' in row ? (
      <RegistryRecord told={told} row={row} name={name} />
    ) : (
      <OwnRecord told={told} row={row} name={name} />
    );
  }
  return (
    <div class="page-head">
      <Crumbs name={name} />
      <h1>
        {name} {id}
      </h1>
      <p role="status">
        {failure ?? (told === undefined ? 'Asking the node …' : `This site has no record ${id} of ${name}.`)}
      </p>
    </div>
  );
}
