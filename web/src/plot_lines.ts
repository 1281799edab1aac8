// What the plots show.

import type { Line } from './parts/plot';

export const lagLines: Line[] = [
  { label: 'verified', of: (sample) => sample.verifiedLag, colour: '--verified-line', dash: [3, 3] },
  { label: 'synced', of: (sample) => sample.lag, colour: '--synced-line' },
];

export const siteLines: Line[] = [{ label: 'lag', of: (sample) => sample.lag, colour: '--synced-line' }];
