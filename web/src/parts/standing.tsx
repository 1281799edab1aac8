// How one record stands: a sign and a word.

import type { Standing as Of } from '../words';
import { Icon } from './icon';

export function Standing({ of }: { of: Of }) {
  return (
    <span class={`standing ${of.kind}`}>
      <Icon of={of.kind} />
      {of.word}
    </span>
  );
}
