import type { PrimaryStatus, PrimaryType, Site } from '../documents';
import { bytes, count, duration, rate } from '../format';
import { history, rateOf } from '../history';
import { forgetSite, recheck } from '../actions';
import { Action } from '../parts/action';
import { Bar, Legend, Share } from '../parts/bar';
import { Fact, Facts } from '../parts/facts';
import { Icon } from '../parts/icon';
import { Plot } from '../parts/plot';
import { Problems } from '../parts/problems';
import { Ago } from '../parts/time';
import { secondsBetween } from '../format';
import { siteLines } from '../plot_lines';
import { href } from '../router';
import { ownPartsOf } from '../type_parts';

/** One that is level asks every 30 s. */
const silentAfter = 90;

function Condition({ site, now }: { site: Site; now: string }) {
  const silent = secondsBetween(site.last_seen, now) > silentAfter;
  if (site.cut_off)
    return (
      <span class="standing failed">
        <Icon of="warning" /> cut off
      </span>
    );
  if (silent)
    return (
      <span class="standing missing">
        <Icon of="warning" /> silent
      </span>
    );
  if (site.lag_events)
    return (
      <span class="standing working">
        <Icon of="working" /> catching up
      </span>
    );
  return (
    <span class="standing verified">
      <Icon of="ok" /> level
    </span>
  );
}

function SiteCard({ site, now }: { site: Site; now: string }) {
  const samples = history.value.get(`site/${site.site}`) ?? [];
  return (
    <article class="site-card" aria-label={site.site}>
      <div class="title">
        <h3>{site.site}</h3>
        <Condition site={site} now={now} />
      </div>
      <div class="lag-now">
        <span class="figure">{site.lag_seconds === null ? '–' : duration(site.lag_seconds)}</span>
        <span class="behind">
          {site.cut_off
            ? 'behind the log: it compares all records when it comes'
            : site.lag_events === null
              ? 'lag not known yet'
              : site.lag_events === 0
                ? 'behind: it has asked for every event'
                : `behind, ${count(site.lag_events)} events to read`}
        </span>
      </div>
      <Plot samples={samples} lines={siteLines} title={`Lag of ${site.site} over the last hour`} height={44} />
      <Facts>
        <Fact name="Last seen">
          <Ago at={site.last_seen} />
        </Fact>
        <Fact name="Version">{site.version ?? 'not told'}</Fact>
        <Fact name="Log kept for it">
          {bytes(site.held_bytes)}
          {site.holds_log ? <span class="aside">the slowest</span> : null}
        </Fact>
        <Fact name="Address">{site.address}</Fact>
      </Facts>
      <div class="buttons">
        <Action
          label="Forget"
          kind="grave"
          run={() => forgetSite(site.site)}
          confirm={{
            title: `Forget ${site.site}?`,
            text: `No events are kept for ${site.site} any more. If it asks again it is known again, and compares all records where what it has not read is gone by then.`,
          }}
        />
      </div>
    </article>
  );
}

function OwnActivity({ type }: { type: PrimaryType }) {
  const perSecond = rateOf(history.value.get(type.name), 'verified');
  if (!type.enabled && !type.verify_only) return <>Switched off in the configuration</>;
  if (type.waiting) return <>{type.waiting}</>;
  if (type.checksum_pending_count === 0) return <>All of it has been read</>;
  if (!perSecond) return <>{count(type.checksum_pending_count)} to read</>;
  return (
    <>
      {rate(perSecond)} · {duration(type.checksum_pending_count / perSecond)} left
    </>
  );
}

function OwnTypeCard({ type }: { type: PrimaryType }) {
  const parts = ownPartsOf(type);
  return (
    <article class="type" aria-label={type.name}>
      <div class="title">
        <h3>
          <a href={href(['types', type.name])}>{type.name}</a>
        </h3>
        <Share part={type.checksummed_count} all={type.count - type.checksum_disabled_count} />
      </div>
      <div class="state">
        <Bar parts={parts} label={type.name} />
        <Legend parts={parts} />
      </div>
      <div class="trend">
        <p class="activity">
          <OwnActivity type={type} />
        </p>
        {type.unsupported_count ? (
          <p class="activity">
            <a href={href(['faults'])}>{count(type.unsupported_count)} unsupported</a>
          </p>
        ) : null}
      </div>
    </article>
  );
}

export function PrimaryOverview({ now }: { now: PrimaryStatus }) {
  const scanned = now.types.some((type) => type.scan !== undefined);
  return (
    <>
      <h1 class="visually-hidden">Overview of {now.site}</h1>
      <section aria-labelledby="sites">
        <h2 id="sites">Secondaries</h2>
        {now.sites.length === 0 ? (
          <p class="empty">
            No secondary has asked for events yet. One appears here as soon as its node reaches this one.
          </p>
        ) : (
          <div class="sites">
            {now.sites.map((site) => (
              <SiteCard key={site.site} site={site} now={now.time} />
            ))}
          </div>
        )}
      </section>
      <Problems now={now} />
      <section aria-labelledby="types">
        <div class="section-head">
          <h2 id="types">What this site has</h2>
          <div class="buttons">
            {scanned ? <Action label="Scan all folders" run={() => recheck(null)} /> : null}
          </div>
        </div>
        <div class="types">
          {now.types.map((type) => (
            <OwnTypeCard key={type.name} type={type} />
          ))}
        </div>
      </section>
      <section aria-labelledby="log">
        <h2 id="log">Event log</h2>
        <Facts>
          <Fact name="Events not counted yet">{count(now.log.fold_lag_events)}</Fact>
          <Fact name="Database">
            <code>{now.identity}</code>
          </Fact>
        </Facts>
      </section>
    </>
  );
}
