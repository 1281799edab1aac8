import type { SecondaryStatus, SecondaryType } from '../documents';
import { bytes, count, duration, moment, rate, secondsBetween } from '../format';
import { history, rateOf } from '../history';
import { pause, recheck, resume } from '../actions';
import { Action } from '../parts/action';
import { Bar, Legend, Share } from '../parts/bar';
import { Fact, Facts } from '../parts/facts';
import { Icon } from '../parts/icon';
import { Plot, spanWords } from '../parts/plot';
import { Problems } from '../parts/problems';
import { Ago } from '../parts/time';
import { lagLines } from '../plot_lines';
import { href } from '../router';
import { partsOf } from '../type_parts';

function Point({ name, at, now, meaning }: { name: string; at: string | null; now: string; meaning: string }) {
  return (
    <div class="point">
      <h2>{name}</h2>
      {at === null ? (
        <>
          <p class="figure unknown">not known yet</p>
          <p class="behind">Known once every record of each type has been seen.</p>
        </>
      ) : (
        <>
          <p class="figure">
            <time dateTime={at}>{moment(at, now)}</time>
          </p>
          <p class="behind">{duration(secondsBetween(at, now))} ago</p>
        </>
      )}
      <p class="meaning">{meaning}</p>
    </div>
  );
}

/** What is going on with the type, in a few words. */
function Activity({ type }: { type: SecondaryType }) {
  const samples = history.value.get(type.name);
  const perSecond = rateOf(samples, 'synced');
  const left = type.pending_count + type.started_count;
  if (!type.enabled) return <>Switched off in the configuration</>;
  if (type.paused)
    return (
      <>
        <Icon of="pause" /> Paused
      </>
    );
  if (type.waiting) return <>{type.waiting}</>;
  if (!type.backfill_complete)
    return (
      <>
        Reading the catalogue: {count(type.check.seen)} so far
        {perSecond ? ` · ${rate(perSecond)}` : ''}
      </>
    );
  if (left === 0) return <>Level</>;
  if (!perSecond) return <>{count(left)} to go</>;
  return (
    <>
      {rate(perSecond)} · {duration(left / perSecond)} left
    </>
  );
}

export function TypeCard({ type }: { type: SecondaryType }) {
  const parts = partsOf(type);
  const samples = history.value.get(type.name) ?? [];
  return (
    <article class="type" aria-label={type.name}>
      <div class="title">
        <h3>
          <a href={href(['types', type.name])}>{type.name}</a>
        </h3>
        <Share part={type.synced_count} all={type.registry_count} />
      </div>
      <div class="state">
        <Bar parts={parts} label={type.name} />
        <Legend parts={parts} />
      </div>
      <div class="trend">
        <p class="activity">
          <Activity type={type} />
        </p>
        <Plot samples={samples} lines={lagLines} title={`Lag of ${type.name} over the last hour`} height={36} />
        <p class="lag">
          <span>lag, last {spanWords(samples)}</span>
          <span class="number">
            {type.recovery_point === null ? 'not known' : duration(samples.at(-1)?.lag ?? 0)}
          </span>
        </p>
      </div>
    </article>
  );
}

export function SecondaryOverview({ now }: { now: SecondaryStatus }) {
  const working = now.types.filter((type) => type.enabled);
  const paused = working.length > 0 && working.every((type) => type.paused);
  return (
    <>
      <h1 class="visually-hidden">Overview of {now.site}</h1>
      <section class="points" aria-label="Recovery points">
        <Point
          name="Synced up to"
          at={now.recovery_point}
          now={now.time}
          meaning="Everything committed on the primary before this time is here."
        />
        <Point
          name="Verified up to"
          at={now.verified_recovery_point}
          now={now.time}
          meaning="Of it, everything was read again from this disk, and is the same."
        />
      </section>
      <Problems now={now} />
      <section aria-labelledby="types">
        <div class="section-head">
          <h2 id="types">Types</h2>
          <div class="buttons">
            <Action
              label="Check all"
              run={() => recheck(null)}
              title="Compare all records with the primary's catalogue, without events"
            />
            {paused ? (
              <Action label="Resume all" kind="main" run={() => resume(null)} />
            ) : (
              <Action
                label="Pause all"
                run={() => pause(null)}
                confirm={{
                  title: 'Pause all types?',
                  text: `${now.site} begins no more work until it is resumed. Changes are still noted, and the recovery point stays where it is.`,
                }}
              />
            )}
          </div>
        </div>
        <div class="types">
          {now.types.map((type) => (
            <TypeCard key={type.name} type={type} />
          ))}
        </div>
      </section>
      <section aria-labelledby="link">
        <h2 id="link">Primary and transfer</h2>
        <Facts>
          <Fact name="Primary">
            {now.primary.reachable ? (
              <span class="standing verified">
                <Icon of="ok" /> reachable
              </span>
            ) : (
              <span class="standing failed">
                <Icon of="warning" /> not reachable
              </span>
            )}
            <span class="aside">{now.primary.url}</span>
          </Fact>
          <Fact name="Last contact">
            {now.primary.last_contact ? <Ago at={now.primary.last_contact} /> : 'none yet'}
          </Fact>
          <Fact name="Changes applied up to">
            {now.log.horizon ? <Ago at={now.log.horizon} /> : 'not known yet'}
          </Fact>
          <Fact name="Arriving">
            {bytes(now.bandwidth.rate)}/s
            <span class="aside">
              {now.bandwidth.cap === null ? 'no cap' : `cap ${bytes(now.bandwidth.cap)}/s`}
            </span>
          </Fact>
          <Fact name="In flight">
            {count(now.capacity.in_flight)} <span class="aside">of {count(now.capacity.total)}</span>
          </Fact>
          <Fact name="Since the node began">
            {count(now.transferred.records)} records, {bytes(now.transferred.bytes)}
            {now.transferred.adopted > 0 ? (
              <span class="aside">{count(now.transferred.adopted)} were here already</span>
            ) : null}
          </Fact>
        </Facts>
      </section>
    </>
  );
}
