// The status as it is now, for every part of the page, from one place: the node tells of what has
// changed, and the clock goes on between two of its words.

import { signal } from '@preact/signals';
import { get, Refusal, unreachable } from './api';
import type { Job, Status } from './documents';
import { recall, record } from './history';
import { jobs } from './jobs';
import { session } from './session';

/** Its `time` is the node's clock, each second. */
export const status = signal<Status | null>(null);

/** Why what is shown may be out of date; null while it is live. */
export const interruption = signal<string | null>(null);

const tick = 1000;
const reconnectAfter = 2000;
/** A node that is at rest has nothing to say; then it is asked whether it is there. */
const silenceMax = 10_000;

export function follow(): () => void {
  let source: EventSource | undefined;
  let reconnect: ReturnType<typeof setTimeout> | undefined;
  let heard = 0;
  /** Of the node's clock, ahead of this browser's. */
  let ahead = 0;
  const end = new AbortController();

  const take = (now: Status): void => {
    heard = Date.now();
    ahead = Date.parse(now.time) - heard;
    interruption.value = null;
    status.value = now;
    record(now);
  };

  const listen = (): void => {
    source = new EventSource('/api/v1/events');
    source.addEventListener('status', (event) => take(JSON.parse(event.data) as Status));
    source.addEventListener('jobs', (event) => {
      jobs.value = (JSON.parse(event.data) as { jobs: Job[] }).jobs;
    });
    source.addEventListener('open', () => {
      heard = Date.now();
      interruption.value = null;
    });
    source.addEventListener('error', () => {
      source?.close();
      if (end.signal.aborted) return;
      void ask();
      reconnect = setTimeout(listen, reconnectAfter);
    });
  };

  /** Learns what an EventSource does not tell: why there is no answer. */
  const ask = async (): Promise<void> => {
    try {
      take(await get<Status>('/api/v1/status', AbortSignal.timeout(silenceMax)));
    } catch (failure) {
      if (end.signal.aborted || session.value === null) return;
      interruption.value =
        failure instanceof Refusal && failure.status !== 0 ? failure.message : unreachable;
    }
  };

  const timer = setInterval(() => {
    const at = Date.now();
    if (at - heard > silenceMax) {
      heard = at;
      void ask();
    }
    const last = status.value;
    if (!last || interruption.value) return;
    const now = { ...last, time: new Date(at + ahead).toISOString() };
    status.value = now;
    record(now);
  }, tick);

  listen();
  // Without it the plots begin now.
  recall(end.signal).catch(() => undefined);
  return () => {
    end.abort();
    source?.close();
    clearTimeout(reconnect);
    clearInterval(timer);
  };
}
