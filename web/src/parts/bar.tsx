// How the records of a type stand: one bar, and the numbers beneath it, each of which leads to its
// records.

import { count, percent } from '../format';
import type { Kind } from '../words';
import { Icon } from './icon';

export interface Part {
  kind: Kind;
  label: string;
  count: number;
  /** What it means, for whoever wonders. */
  title?: string;
  href?: string;
}

export function Bar({ parts, label }: { parts: Part[]; label: string }) {
  const all = parts.reduce((sum, part) => sum + part.count, 0);
  const said = parts
    .filter((part) => part.count > 0)
    .map((part) => `${count(part.count)} ${part.label}`)
    .join(', ');
  return (
    <div class="bar" role="img" aria-label={`${label}: ${said || 'no records'}`}>
      {parts.map((part) =>
        part.count > 0 ? (
          <span key={part.label} class={`segment ${part.kind}`} style={{ flexGrow: part.count / all }} />
        ) : null,
      )}
    </div>
  );
}

export function Legend({ parts }: { parts: Part[] }) {
  return (
    <ul class="legend">
      {parts.map((part) => {
        const content = (
          <>
            <span class={`swatch ${part.kind}`}>
              <Icon of={part.kind} />
            </span>
            <span class="number">{count(part.count)}</span>
            <span class="label">{part.label}</span>
          </>
        );
        return (
          <li key={part.label} class={part.count === 0 ? 'none' : ''} title={part.title}>
            {part.href && part.count > 0 ? <a href={part.href}>{content}</a> : <span class="still">{content}</span>}
          </li>
        );
      })}
    </ul>
  );
}

/** For beside a name: the part that is the point of it. */
export function Share({ part, all }: { part: number; all: number }) {
  return <span class="share">{all === 0 ? '–' : percent(part, all)}</span>;
}
