// What is wrong with the primary's own data: found before a failover, not at it.

import { useEffect, useState } from 'preact/hooks';
import { recheck, reverify } from '../actions';
import { get, sentenceOf } from '../api';
import type { ChecksumRow, ListPage, PrimaryStatus, PrimaryType, Unsupported } from '../documents';
import { count, counted, path } from '../format';
import { Action } from '../parts/action';
import { Icon } from '../parts/icon';
import { Standing } from '../parts/standing';
import { href } from '../router';
import { standingOfOwn } from '../words';

const shown = 50;

/** Asks when `version` becomes another, so only when something changed. */
function useAnswer<Answer>(url: string | null, version: number): { answer: Answer | null; failure: string | null } {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    if (url === null) return;
    const end = new AbortController();
    get<Answer>(url, end.signal).then(
      (said) => {
        setAnswer(said);
        setFailure(null);
      },
      (failed: unknown) => {
        if (!end.signal.aborted) setFailure(sentenceOf(failed));
      },
    );
    return () => end.abort();
  }, [url, version]);
  return { answer, failure };
}

function FaultsOf({ type }: { type: PrimaryType }) {
  const name = encodeURIComponent(type.name);
  const failed = type.checksum_failed_count;
  const unsupported = type.unsupported_count ?? 0;
  const rows = useAnswer<ListPage<ChecksumRow>>(
    failed > 0 ? `/api/v1/verification/${name}?state=failed&limit=${shown}` : null,
    failed,
  );
  const strange = useAnswer<{ unsupported: Unsupported[] }>(
    unsupported > 0 ? `/api/v1/unsupported/${name}` : null,
    unsupported,
  );
  const none = failed === 0 && unsupported === 0;
  return (
    <section class="faults" aria-label={type.name}>
      <div class="section-head">
        <h2>
          <a href={href(['types', type.name])}>{type.name}</a>
        </h2>
        <div class="buttons">
          {failed > 0 ? <Action label="Read them again" run={() => reverify(type.name, { failed: true })} /> : null}
          {type.scan !== undefined ? <Action label="Scan now" run={() => recheck(type.name)} /> : null}
        </div>
      </div>
      {none ? (
        <p class="standing verified">
          <Icon of="ok" />
          {type.checksum_pending_count > 0
            ? `None so far; ${counted(type.checksum_pending_count, 'record')} still to be read`
            : 'None'}
        </p>
      ) : null}
      {failed > 0 ? (
        <>
          <h3>{counted(failed, 'record')} missing or unreadable</h3>
          <ul class="fault-list">
            {rows.answer?.records.map((row) => (
              <li key={row.record_id}>
                <a href={href(['types', type.name, 'records', row.record_id])}>{row.key}</a>
                <Standing of={standingOfOwn(row)} />
                <p>{row.verification_failure}</p>
              </li>
            ))}
          </ul>
          {rows.failure}
          {failed > shown ? (
            <p>
              <a href={href(['types', type.name, 'records'], { state: 'failed' })}>All {count(failed)}</a>
            </p>
          ) : null}
        </>
      ) : null}
      {unsupported > 0 ? (
        <>
          <h3>{count(unsupported)} that can’t be replicated</h3>
          <ul class="fault-list">
            {strange.answer?.unsupported.slice(0, shown).map((one) => (
              <li key={one.locator}>
                <code>{path(one.locator)}</code>
                <p>{one.what}</p>
              </li>
            ))}
          </ul>
          {strange.failure}
        </>
      ) : null}
    </section>
  );
}

export function Faults({ now }: { now: PrimaryStatus }) {
  return (
    <>
      <div class="page-head">
        <h1>Faults in this site’s own data</h1>
        <p>
          The primary reads all that it has, with or without a secondary. What is missing or unreadable here can’t be
          replicated, and would be missed at a failover.
        </p>
      </div>
      {now.types.map((type) => (
        <FaultsOf key={type.name} type={type} />
      ))}
    </>
  );
}
