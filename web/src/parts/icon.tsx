// Small signs, drawn here so that nothing is fetched.

import type { Kind } from '../words';

const paths: Record<Kind | 'warning' | 'pause' | 'chevron' | 'close' | 'ok', string> = {
  verified: 'M1.500 8.500l3 3L10 5M7 10.500l1.200 1.200L14.500 5',
  synced: 'M3 8.500l3.500 3.500L13 4.500',
  waiting: 'M8 4v4.200l2.800 1.600M8 1.800a6.200 6.200 0 1 1 0 12.400A6.200 6.200 0 0 1 8 1.800',
  working: 'M13.500 8A5.500 5.500 0 1 1 11 3.400M11 .8v2.800H8.200',
  failed: 'M4 4l8 8M12 4l-8 8',
  missing: 'M5.900 5.800c.2-1.300 1-2 2.200-2s2.200.8 2.200 1.900c0 1.600-2.200 1.800-2.200 3.500M8.100 12.100v.1',
  removing: 'M3.500 8h9',
  off: 'M8 2.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11M4.200 4.200l7.600 7.600',
  warning: 'M8 2.200L14.500 13.500h-13zM8 6.500v3.200M8 11.600v.1',
  pause: 'M5.500 3.500v9M10.500 3.500v9',
  chevron: 'M6 3.500L10.500 8 6 12.500',
  close: 'M4 4l8 8M12 4l-8 8',
  ok: 'M3 8.500l3.500 3.500L13 4.500',
};

export function Icon({ of }: { of: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[of]} />
    </svg>
  );
}

/** Two shores, and what moves between them. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
      <path class="shore" d="M4 4v16M20 4v16" />
      <path class="wave" d="M4 12c2.700-3 5.300-3 8 0s5.300 3 8 0" />
    </svg>
  );
}
