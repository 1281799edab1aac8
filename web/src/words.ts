// The words for how a record stands, and the signs that go with them: never a colour alone.

import type { ChecksumRow, RegistryRow } from './documents';

export type Kind =
  | 'verified'
  | 'synced'
  | 'waiting'
  | 'working'
  | 'failed'
  | 'missing'
  | 'removing'
  | 'off';

export interface Standing {
  kind: Kind;
  word: string;
}

export function standingOf(row: RegistryRow): Standing {
  if (!row.wanted) return { kind: 'removing', word: 'being removed' };
  if (row.missing_on_primary) return { kind: 'missing', word: 'missing on the primary' };
  if (row.state === 'failed') return { kind: 'failed', word: 'failed' };
  if (row.verification_state === 'failed') return { kind: 'failed', word: 'damaged here' };
  if (row.state === 'started') return { kind: 'working', word: 'being synced' };
  if (row.state === 'pending') return { kind: 'waiting', word: 'waiting' };
  if (row.verification_state === 'succeeded') return { kind: 'verified', word: 'verified' };
  return { kind: 'synced', word: 'synced' };
}

export function standingOfOwn(row: ChecksumRow): Standing {
  if (row.missing) return { kind: 'missing', word: 'missing' };
  switch (row.verification_state) {
    case 'succeeded':
      return { kind: 'verified', word: 'checksummed' };
    case 'failed':
      return { kind: 'failed', word: 'unreadable' };
    case 'started':
      return { kind: 'working', word: 'being read' };
    case 'disabled':
      return { kind: 'off', word: 'not verified' };
    case 'pending':
      return { kind: 'waiting', word: 'waiting' };
  }
}
