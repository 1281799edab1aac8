import { cancel } from '../actions';
import type { Job } from '../documents';
import { count, duration, secondsBetween } from '../format';
import { jobs } from '../jobs';
import { status } from '../live';
import { Action } from '../parts/action';
import { Icon } from '../parts/icon';
import { Ago } from '../parts/time';
import { href } from '../router';

const names: Record<string, string> = {
  resync: 'Resync',
  reverify: 'Reverify',
  pause: 'Pause',
  resume: 'Resume',
  recheck: 'Check',
  approve: 'Approve removals',
  compare: 'Compare',
  orphans: 'Orphans',
};

const which: Record<string, string> = { all: 'all', failed: 'the failed', ids: 'single records' };

const states = {
  running: { icon: 'working', kind: 'working' },
  done: { icon: 'ok', kind: 'verified' },
  failed: { icon: 'failed', kind: 'failed' },
  cancelled: { icon: 'off', kind: 'off' },
} as const;

function Progress({ job }: { job: Job }) {
  if (job.state !== 'running') return null;
  const label = `Progress of job ${job.id}`;
  return job.total === null ? (
    <progress aria-label={label} />
  ) : (
    <progress aria-label={label} value={job.done} max={Math.max(job.total, 1)} />
  );
}

export function JobRow({ job }: { job: Job }) {
  const { icon, kind } = states[job.state];
  const now = status.value?.time ?? job.began_at;
  const single = job.total === null ? job.done === 0 : job.total <= 1;
  const done = single ? '' : job.total === null ? `${count(job.done)} so far` : `${count(job.done)} of ${count(job.total)}`;
  return (
    <li class="job">
      <div class="title">
        <h2>
          {names[job.action] ?? job.action}
          {which[job.which] ? ` ${which[job.which]}` : ''}
          {' · '}
          {job.type ? <a href={href(['types', job.type])}>{job.type}</a> : 'all types'}
        </h2>
        <span class={`standing ${kind}`}>
          <Icon of={icon} /> {job.state}
        </span>
      </div>
      <Progress job={job} />
      <p>{[done, job.error ?? job.at].filter(Boolean).join(': ')}</p>
      <p class="aside">
        Job {job.id}, ordered by {job.by || 'somebody'} <Ago at={job.began_at} />
        {job.ended_at
          ? `, took ${duration(secondsBetween(job.began_at, job.ended_at))}`
          : job.state === 'running'
            ? `, for ${duration(secondsBetween(job.began_at, now))}`
            : ''}
      </p>
      {job.state === 'running' && job.can_be_cancelled ? (
        <div class="buttons">
          <Action label="Cancel" run={() => cancel(job)} title={`Cancel job ${job.id}`} />
        </div>
      ) : null}
    </li>
  );
}

export function Jobs() {
  const all = jobs.value;
  return (
    <>
      <div class="page-head">
        <h1>Jobs</h1>
        <p>What was ordered since the node began, the newest first.</p>
      </div>
      {all === null ? (
        <p class="tally" role="status">
          Asking the node …
        </p>
      ) : all.length === 0 ? (
        <p class="empty">Nothing was ordered yet.</p>
      ) : (
        <ul class="jobs">
          {all.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </ul>
      )}
    </>
  );
}
