// What makes the site degraded, one sentence each, with the way to the type that it is about.

import type { Status } from '../documents';
import { href } from '../router';
import { Icon } from './icon';

export function Problems({ now }: { now: Status }) {
  if (now.problems.length === 0) return null;
  return (
    <section class="problems" aria-labelledby="problems">
      <h2 id="problems">{now.problems.length === 1 ? 'One problem' : `${now.problems.length} problems`}</h2>
      <ul>
        {now.problems.map((problem) => {
          const type = now.types.find((one) => problem.startsWith(`${one.name}: `));
          return (
            <li key={problem}>
              <Icon of="warning" />
              <p>
                {type ? (
                  <>
                    <a href={href(['types', type.name])}>{type.name}</a>
                    {problem.slice(type.name.length)}
                  </>
                ) : (
                  problem
                )}
              </p>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
