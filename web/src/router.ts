// Which page is shown: what stands behind the address's #. So the node serves one page at one path,
// and an address that is passed on leads to the same place.

import { signal } from '@preact/signals';

export interface Route {
  /** Decoded, without empty ones. */
  segments: string[];
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const segments = path.split('/').filter(Boolean);
  try {
    return { segments: segments.map(decodeURIComponent), query: new URLSearchParams(query) };
  } catch {
    return { segments: [], query: new URLSearchParams() };
  }
}

export const route = signal<Route>(parse(location.hash));
addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

export function href(segments: (string | number)[], query: Record<string, string> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given).toString();
  return `#/${segments.map((one) => encodeURIComponent(one)).join('/')}${search && `?${search}`}`;
}

export function go(to: string, replace = false): void {
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, '', to);
  route.value = parse(to);
}
