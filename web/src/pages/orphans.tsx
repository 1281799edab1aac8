import { useEffect, useState } from 'preact/hooks';
import { lookForOrphans, removeOrphans } from '../actions';
import { get, sentenceOf } from '../api';
import type { Orphans } from '../documents';
import { count, counted, path } from '../format';
import { status } from '../live';
import { Action } from '../parts/action';
import { href } from '../router';

export function OrphansPage({ name }: { name: string }) {
  const [found, setFound] = useState<Orphans | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const now = status.value;
  useEffect(() => {
    const end = new AbortController();
    get<Orphans>('/api/v1/orphans', end.signal).then(
      (answer) => {
        setFound(answer);
        setFailure(null);
      },
      (failed: unknown) => {
        if (!end.signal.aborted) setFailure(sentenceOf(failed));
      },
    );
    return () => end.abort();
  }, [now]);
  const mine = found?.state !== 'none' && found?.type === name ? found : null;
  const left = mine ? mine.found - mine.removed : 0;
  return (
    <>
      <div class="page-head">
        <p class="crumbs">
          <a href={href([])}>Overview</a>
          <span aria-hidden="true"> / </span>
          <a href={href(['types', name])}>{name}</a>
        </p>
        <h1>Orphans of {name}</h1>
        <p>Files in the store that no record of any type in it names.</p>
        <div class="buttons">
          <Action
            label="Look for orphans"
            kind="main"
            disabled={found?.state === 'running'}
            run={() => lookForOrphans(name)}
          />
          {mine?.state === 'done' && left > 0 ? (
            <Action
              label={`Remove ${counted(left, 'orphan')}`}
              kind="grave"
              run={() => removeOrphans(name, mine.held > 0)}
              confirm={{
                title: `Remove ${counted(left, 'orphan')} of ${name}?`,
                text: `The store is looked through once more, and files that no record names by then are removed from this disk.${
                  mine.held > 0 ? ' They are so many that they were held back before.' : ''
                }`,
              }}
            />
          ) : null}
        </div>
      </div>
      <section aria-label="What was found">
        <p class="tally" role="status">
          {failure ??
            (mine === null
              ? 'Nobody has looked since the node began.'
              : mine.trouble
                ? mine.trouble
                : mine.state === 'running'
                  ? `Looking: ${counted(mine.files, 'file')} so far, ${counted(mine.found, 'orphan')}.`
                  : mine.found === 0
                    ? `None: all ${counted(mine.files, 'file')} are named by records.`
                    : `${counted(mine.found, 'orphan')} among ${counted(mine.files, 'file')}${
                        mine.removed > 0 ? `, ${count(mine.removed)} removed` : ''
                      }${mine.held > 0 ? `, ${count(mine.held)} held back because they are so many` : ''}.`)}
        </p>
        {mine && mine.orphans.length > 0 ? (
          <ul class="paths">
            {mine.orphans.map((one) => (
              <li key={one}>
                <code>{path(one)}</code>
              </li>
            ))}
          </ul>
        ) : null}
      </section>
    </>
  );
}
