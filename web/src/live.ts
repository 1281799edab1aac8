// The status as it is now, for every part of the page, from one place.

import { signal } from '@preact/signals';
import { get, Refusal, sentenceOf } from './api';
import type { Status } from './documents';
import { record } from './history';
import { refreshJobs } from './jobs';

export const status = signal<Status | null>(null);

/** Why what is shown may be out of date; null while it is live. */
export const interruption = signal<string | null>(null);

const interval = 1000;

/** Keeps `status` up to date until the returned function is called. */
export function follow(): () => void {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    try {
      const now = await get<Status>('/api/v1/status', end.signal);
      status.value = now;
      record(now);
      refreshJobs();
      interruption.value = null;
    } catch (failure) {
      if (end.signal.aborted || (failure instanceof Refusal && failure.status === 401)) return;
      interruption.value = sentenceOf(failure);
    }
    if (!end.signal.aborted) timer = setTimeout(look, interval);
  };
  void look();
  return () => {
    end.abort();
    clearTimeout(timer);
  };
}
