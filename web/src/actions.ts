// What operators can have done, and what is said of it. Each order is a job at the node.

import { order } from './api';
import type { Job } from './documents';
import { counted } from './format';
import { refreshJobs } from './jobs';

type Which = { all: true } | { failed: true } | { ids: number[] };

/** Of `type`, or of all types. */
const on = (type: string | null): string => type ?? 'all types';

async function begin(action: string, body: unknown): Promise<Job> {
  const job = await order<Job>(action, body);
  refreshJobs();
  if (job.state === 'failed') throw new Error(job.error ?? 'it failed');
  return job;
}

function said(marked: number | undefined, type: string, what: string, all: string): string {
  if (marked === undefined) return all;
  return marked === 0
    ? `Nothing to do: no record of ${type} is in question.`
    : `${counted(marked, 'record')} of ${type} will be ${what}.`;
}

export async function resync(type: string, which: Which): Promise<string> {
  const { marked } = await begin('resync', { type, ...which });
  return said('all' in which ? undefined : marked, type, 'synced again', `All of ${type} is being synced again.`);
}

export async function reverify(type: string, which: Which): Promise<string> {
  const { marked } = await begin('reverify', { type, ...which });
  return said(
    'all' in which ? undefined : marked,
    type,
    'read and verified',
    `All of ${type} is being read and verified, in the background.`,
  );
}

export async function pause(type: string | null): Promise<string> {
  await begin('pause', { type });
  return `${on(type)}: paused. No work is begun; changes are still noted.`;
}

export async function resume(type: string | null): Promise<string> {
  await begin('resume', { type });
  return `${on(type)}: work goes on.`;
}

export async function recheck(type: string | null): Promise<string> {
  await begin('recheck', { type });
  return `${on(type)}: a check has begun.`;
}

export async function approve(type: string): Promise<string> {
  const { approved } = await begin('approve', { type });
  return approved === 0
    ? 'Nothing is held back any more.'
    : `${counted(approved ?? 0, 'removal')} of ${type} may go ahead.`;
}

export async function forgetSite(site: string): Promise<string> {
  await order('sites/forget', { site });
  return `${site} is forgotten: no events are kept for it.`;
}

export async function lookForOrphans(type: string): Promise<string> {
  await begin('orphans', { type, remove: false });
  return `Looking through the store of ${type} for files that no record names.`;
}

export async function removeOrphans(type: string, evenMany: boolean): Promise<string> {
  await begin('orphans', { type, remove: true, even_many: evenMany });
  return `Orphans of ${type} are being removed.`;
}

export async function compare(type: string | null): Promise<string> {
  await begin('compare', type === null ? {} : { type });
  return `${on(type)}: being compared with the primary.`;
}

export async function cancel(job: Job): Promise<string> {
  const { state } = await order<Job>(`jobs/${job.id}/cancel`);
  refreshJobs();
  return state === 'running' ? `Job ${job.id} is being cancelled.` : `Job ${job.id} has ended.`;
}
