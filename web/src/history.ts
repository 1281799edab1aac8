// What the last hour was like, for rates and plots.

import { signal } from '@preact/signals';
import { get } from './api';
import type { Status } from './documents';
import { secondsBetween } from './format';

export interface Sample {
  /** Seconds since 1970, of the node's clock. */
  at: number;
  /** How far behind, in seconds; null where it is not known. */
  lag: number | null;
  verifiedLag: number | null;
  /** Records. */
  synced: number;
  verified: number;
}

const kept = 3600;
const apart = 5;
/** Rates are of the last minute at most. */
const rateWindow = 60;

/** By the type's name; on a primary, "site/NAME" as well. */
export const history = signal<ReadonlyMap<string, readonly Sample[]>>(new Map());

function lagAt(point: string | null, now: string): number | null {
  return point === null ? null : Math.max(0, secondsBetween(point, now));
}

function samplesOf(status: Status): [string, Sample][] {
  const at = Date.parse(status.time) / 1000;
  if (status.role === 'secondary')
    return status.types.map((type) => [
      type.name,
      {
        at,
        lag: lagAt(type.recovery_point, status.time),
        verifiedLag: lagAt(type.verified_recovery_point, status.time),
        synced: type.synced_count,
        verified: type.verified_count,
      },
    ]);
  return [
    ...status.types.map((type): [string, Sample] => [
      type.name,
      { at, lag: null, verifiedLag: null, synced: type.count, verified: type.checksummed_count },
    ]),
    ...status.sites.map((site): [string, Sample] => [
      `site/${site.site}`,
      { at, lag: site.lag_seconds, verifiedLag: null, synced: 0, verified: 0 },
    ]),
  ];
}

/** The newest sample always is the present; those before it are a few seconds apart. */
export function append(samples: readonly Sample[], sample: Sample): Sample[] {
  const before = samples.at(-2);
  const last = samples.at(-1);
  const settled = last && before && last.at - before.at < apart ? samples.slice(0, -1) : samples;
  return [...settled.filter((one) => one.at > sample.at - kept && one.at < sample.at), sample];
}

export function record(status: Status): void {
  const next = new Map(history.value);
  for (const [name, sample] of samplesOf(status)) next.set(name, append(next.get(name) ?? [], sample));
  history.value = next;
}

type Row = [at: number, lag: number | null, verifiedLag: number | null, synced: number, verified: number];

/** What the node has kept; what was seen here in the meantime goes on from there. */
export async function recall(signal: AbortSignal): Promise<void> {
  const told = await get<Record<string, Row[]>>('/history', signal);
  const next = new Map(history.value);
  for (const [name, rows] of Object.entries(told)) {
    const before = rows.map(([at, lag, verifiedLag, synced, verified]) => ({ at, lag, verifiedLag, synced, verified }));
    const last = before.at(-1)?.at ?? 0;
    next.set(name, [...before, ...(next.get(name) ?? []).filter((one) => one.at > last)]);
  }
  history.value = next;
}

/** Records in a second over the last minute; null before there is enough to say. */
export function rateOf(
  samples: readonly Sample[] | undefined,
  what: 'synced' | 'verified',
): number | null {
  const last = samples?.at(-1);
  if (!samples || !last) return null;
  const first = samples.find((one) => one.at >= last.at - rateWindow);
  if (!first || last.at - first.at < 2) return null;
  return Math.max(0, (last[what] - first[what]) / (last.at - first.at));
}
