// What was ordered, the newest first, for every part of the page.

import { signal } from '@preact/signals';
import { get } from './api';
import type { Job } from './documents';

export const jobs = signal<Job[] | null>(null);

let asking = false;

/** Asks now, for who has just ordered something. */
export function refreshJobs(): void {
  if (asking) return;
  asking = true;
  get<{ jobs: Job[] }>('/api/v1/jobs')
    .then(
      (answer) => (jobs.value = answer.jobs),
      () => undefined,
    )
    .finally(() => (asking = false));
}
