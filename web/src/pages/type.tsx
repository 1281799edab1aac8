import type { ComponentChildren } from 'preact';
import type { PrimaryType, SecondaryStatus, SecondaryType, Status } from '../documents';
import { count, counted, duration, rate } from '../format';
import { history, rateOf } from '../history';
import { approve, compare, pause, recheck, resume, resync, reverify } from '../actions';
import { Action } from '../parts/action';
import { Bar, Legend, Share } from '../parts/bar';
import { Fact, Facts } from '../parts/facts';
import { Icon } from '../parts/icon';
import { Plot, spanWords } from '../parts/plot';
import { Ago } from '../parts/time';
import { lagLines } from '../plot_lines';
import { go, href } from '../router';
import { ownPartsOf, partsOf } from '../type_parts';

function Head({ name, note, children }: { name: string; note?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="page-head">
      <p class="crumbs">
        <a href={href([])}>Overview</a>
      </p>
      <h1>{name}</h1>
      {note}
      <div class="buttons">{children}</div>
    </div>
  );
}

function Held({ name, what, held }: { name: string; what: string; held: number }) {
  if (held === 0) return null;
  return (
    <section class="problems held" aria-label="Held back">
      <ul>
        <li>
          <Icon of="warning" />
          <p>
            {what} That many are not removed without your word. Look again first, if in doubt.
            <span class="buttons">
              <Action
                label={`Approve ${counted(held, 'removal')}`}
                kind="grave"
                run={() => approve(name)}
                confirm={{
                  title: `Approve ${counted(held, 'removal')}?`,
                  text: 'Those that are there again by then stay. What is removed can’t be brought back from here.',
                }}
              />
              <Action label="Look again" run={() => recheck(name)} />
            </span>
          </p>
        </li>
      </ul>
    </section>
  );
}

function SecondaryTypePage({ now, type }: { now: SecondaryStatus; type: SecondaryType }) {
  const samples = history.value.get(type.name) ?? [];
  const parts = partsOf(type);
  const failed = type.failed_count - type.missing_on_primary_count;
  const left = type.pending_count + type.started_count;
  const perSecond = rateOf(samples, 'synced');
  const verifying = rateOf(samples, 'verified');
  return (
    <>
      <Head
        name={type.name}
        note={
          type.paused ? (
            <p class="standing missing">
              <Icon of="pause" /> paused
            </p>
          ) : null
        }
      >
        {type.paused ? (
          <Action label="Resume" kind="main" run={() => resume(type.name)} />
        ) : (
          <Action label="Pause" run={() => pause(type.name)} />
        )}
        {type.failed_count > 0 ? (
          <Action label="Resync failed" run={() => resync(type.name, { failed: true })} />
        ) : null}
        <Action
          label="Resync all"
          run={() => resync(type.name, { all: true })}
          confirm={{
            title: `Resync all of ${type.name}?`,
            text: `All ${counted(type.registry_count, 'record')} become due again, in the background; live changes go first. What is here already with the right checksum is not fetched again.`,
          }}
        />
        <Action
          label="Reverify all"
          run={() => reverify(type.name, { all: true })}
          confirm={{
            title: `Reverify all of ${type.name}?`,
            text: `All ${counted(type.registry_count, 'record')} are read from this disk and compared again, in the background. What is found damaged is fetched anew.`,
          }}
        />
        <Action label="Check" run={() => recheck(type.name)} title="Compare with the primary's catalogue, without events" />
        <Action
          label="Compare"
          run={async () => {
            const said = await compare(type.name);
            go(href(['comparison']));
            return said;
          }}
        />
        <a class="button" href={href(['types', type.name, 'orphans'])}>
          Orphans
        </a>
      </Head>
      <Held
        name={type.name}
        held={type.check.held}
        what={`${count(type.check.held)} of ${counted(type.registry_count, 'record')} are gone from the primary although no delete was seen.`}
      />
      <section class="panel" aria-label="Records by state">
        <div class="panel-head">
          <h2>
            <a href={href(['types', type.name, 'records'])}>{counted(type.registry_count, 'record')}</a>
          </h2>
          <Share part={type.synced_count} all={type.registry_count} />
        </div>
        <Bar parts={parts} label={type.name} />
        <Legend parts={parts} />
      </section>
      <section aria-labelledby="lag">
        <div class="section-head">
          <h2 id="lag">Lag, last {spanWords(samples)}</h2>
          <ul class="key">
            <li class="solid">synced</li>
            <li class="dashed">verified</li>
          </ul>
        </div>
        <Plot samples={samples} lines={lagLines} title={`Lag of ${type.name} over the last hour`} height={180} whole />
      </section>
      <section aria-labelledby="details">
        <h2 id="details">Details</h2>
        <Facts>
          <Fact name="Synced up to">
            {type.recovery_point ? <Ago at={type.recovery_point} /> : 'not known yet'}
          </Fact>
          <Fact name="Verified up to">
            {type.verified_recovery_point ? <Ago at={type.verified_recovery_point} /> : 'not known yet'}
          </Fact>
          <Fact name="Syncing">
            {perSecond === null ? 'not known yet' : rate(perSecond)}
            {left > 0 && perSecond && type.backfill_complete ? (
              <span class="aside">{duration(left / perSecond)} left</span>
            ) : null}
          </Fact>
          <Fact name="Verifying">
            {verifying === null ? 'not known yet' : rate(verifying)}
            {type.reverifying ? <span class="aside">reading all of it again</span> : null}
          </Fact>
          <Fact name="In flight">
            {count(type.in_flight)} <span class="aside">of {count(now.capacity.total)} for all types</span>
          </Fact>
          <Fact name="Last check">
            {type.check.stage !== 'none'
              ? `under way: ${count(type.check.seen)} records read`
              : type.check.ended_at
                ? <Ago at={type.check.ended_at} />
                : 'none yet'}
            {type.check.stage === 'none' && type.check.ended_at ? (
              <span class="aside">
                {count(type.check.missing)} missing, {count(type.check.gone)} gone
              </span>
            ) : null}
          </Fact>
          <Fact name="Not wanted here">
            {type.out_of_scope_count === null ? 'not known yet' : count(type.out_of_scope_count)}
          </Fact>
          <Fact name="Damaged here">{count(type.verification_failed_count)}</Fact>
          <Fact name="Failed">{count(failed)}</Fact>
          <Fact name="Store">
            <code>{type.store.path}</code>
            {type.store.state ? <span class="aside">{type.store.state}</span> : null}
          </Fact>
        </Facts>
      </section>
    </>
  );
}

function PrimaryTypePage({ type }: { type: PrimaryType }) {
  const parts = ownPartsOf(type);
  const scan = type.scan;
  return (
    <>
      <Head name={type.name}>
        {type.checksum_failed_count > 0 ? (
          <Action label="Reverify failed" run={() => reverify(type.name, { failed: true })} />
        ) : null}
        <Action
          label="Reverify all"
          run={() => reverify(type.name, { all: true })}
          confirm={{
            title: `Reverify all of ${type.name}?`,
            text: `All ${counted(type.count, 'record')} are read again, in the background. A checksum that is another than before reaches the secondaries.`,
          }}
        />
        {scan !== undefined ? <Action label="Scan now" run={() => recheck(type.name)} /> : null}
      </Head>
      <Held
        name={type.name}
        held={scan?.held_removals_count ?? 0}
        what={`${count(scan?.held_removals_count ?? 0)} files are gone from the folder at once.`}
      />
      <section class="panel" aria-label="Records by state">
        <div class="panel-head">
          <h2>
            <a href={href(['types', type.name, 'records'])}>{counted(type.count, 'record')}</a>
          </h2>
          <Share part={type.checksummed_count} all={type.count - type.checksum_disabled_count} />
        </div>
        <Bar parts={parts} label={type.name} />
        <Legend parts={parts} />
      </section>
      <section aria-labelledby="details">
        <h2 id="details">Details</h2>
        <Facts>
          <Fact name="Verification">{type.verification.replace('_', ' ')}</Fact>
          {scan ? (
            <>
              <Fact name="Last scan">
                {scan.last_scan ? <Ago at={scan.last_scan} /> : 'none yet'}
                <span class="aside">took {duration(scan.last_scan_ms / 1000)}</span>
              </Fact>
              <Fact name="Seen">{count(scan.files)}</Fact>
              <Fact name="Watched">
                {scan.watch === 'on' ? 'yes' : 'no'}
                {scan.not_watched ? <span class="aside">{scan.not_watched}</span> : null}
              </Fact>
              <Fact name="Closed folders">{count(scan.closed_folders_count)}</Fact>
              <Fact name="Unsupported">
                <a href={href(['faults'])}>{count(type.unsupported_count ?? 0)}</a>
              </Fact>
            </>
          ) : null}
        </Facts>
      </section>
    </>
  );
}

export function TypePage({ now, name }: { now: Status; name: string }) {
  if (now.role === 'secondary') {
    const type = now.types.find((one) => one.name === name)!;
    return <SecondaryTypePage key={name} now={now} type={type} />;
  }
  return <PrimaryTypePage key={name} type={now.types.find((one) => one.name === name)!} />;
}
