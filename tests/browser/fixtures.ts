// What every test of the page holds it to: it asks nobody but its node, it breaks no rule of its
// content policy, and no error is left in the console.

import { expect, test as base, type BrowserContext, type Page } from '@playwright/test';
import { Site, TwoSites } from './sites';

export type Level = 'operator' | 'viewer';

interface Watched {
  /** What the page may say in the console, where the test is about it. */
  expected: RegExp[];
}

interface Fixtures {
  watched: Watched;
  /** A page of `site`, signed in. */
  open: (site: Site, level?: Level, at?: string) => Promise<Page>;
}

async function watch(context: BrowserContext, origins: string[], seen: string[]): Promise<void> {
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (!origins.includes(url.origin) && !['data:', 'blob:'].includes(url.protocol))
      seen.push(`a request to ${request.url()}`);
  });
  context.on('weberror', (failure) => seen.push(`an error: ${failure.error().stack}`));
  context.on('console', (message) => {
    if (message.type() === 'error') seen.push(`the console: ${message.text()}`);
  });
}

export const test = base.extend<Fixtures, { sites: TwoSites }>({
  sites: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const sites = await TwoSites.start();
      try {
        await use(sites);
      } finally {
        await sites.stop();
      }
    },
    { scope: 'worker', timeout: 150_000 },
  ],

  watched: [
    async ({ context, sites }, use) => {
      const watched: Watched = { expected: [] };
      const seen: string[] = [];
      await watch(context, [sites.primary.url, sites.secondary.url], seen);
      await use(watched);
      // Whoever opens the page is asked to sign in: that nobody has, is a 401.
      const allowed = [...watched.expected, /status of 401/];
      expect(seen.filter((one) => !allowed.some((pattern) => pattern.test(one)))).toEqual([]);
    },
    { auto: true },
  ],

  open: async ({ page }, use) => {
    await use(async (site, level = 'operator', at = '/') => {
      const answer = await page.request.post(`${site.url}/session`, {
        headers: { Authorization: `Bearer ${site.token(level, 'ada')}` },
      });
      expect(answer.status()).toBe(200);
      await page.goto(`${site.url}/#${at}`);
      await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
      return page;
    });
  },
});

export { expect };
