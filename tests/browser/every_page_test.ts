// Every page, light and dark and at a phone's width: whole, accessible, and as in the documentation.

import { fileURLToPath } from 'node:url';
import { audit } from './axe';
import { expect, test } from './fixtures';
import type { Page } from '@playwright/test';
import type { TwoSites } from './sites';

interface Shown {
  name: string;
  site: 'primary' | 'secondary';
  at: string;
  /** Seen once the page is whole. */
  ready: (page: Page) => Promise<void>;
}

const text =
  (words: string | RegExp) =>
  async (page: Page): Promise<void> => {
    await expect(page.getByText(words).first()).toBeVisible();
  };

const pages: Shown[] = [
  { name: 'overview', site: 'secondary', at: '/', ready: text('Synced up to') },
  { name: 'type', site: 'secondary', at: '/types/document', ready: text('Verified up to') },
  { name: 'records', site: 'secondary', at: '/types/document/records', ready: text('letters/7.txt') },
  { name: 'record', site: 'secondary', at: '/types/document/records/7', ready: text('They are the same.') },
  {
    name: 'record-missing',
    site: 'secondary',
    at: '/types/document/records/61',
    ready: text('missing on the primary'),
  },
  { name: 'jobs', site: 'secondary', at: '/jobs', ready: text('Job 1,') },
  { name: 'comparison', site: 'secondary', at: '/types/manual', ready: text('What was compared is equal') },
  { name: 'orphans', site: 'secondary', at: '/types/document/orphans', ready: text('old/forgotten.txt') },
  { name: 'primary', site: 'primary', at: '/', ready: text('lisbon') },
  { name: 'primary-type', site: 'primary', at: '/types/manual', ready: text('Last scan') },
  { name: 'primary-records', site: 'primary', at: '/types/document/records', ready: text(/^checksummed$/) },
  { name: 'primary-record', site: 'primary', at: '/types/document/records/61', ready: text('Failures in a row') },
  { name: 'faults', site: 'primary', at: '/faults', ready: text('a pipe') },
];

const looks = [
  { name: 'light', scheme: 'light', size: { width: 1280, height: 900 } },
  { name: 'dark', scheme: 'dark', size: { width: 1280, height: 900 } },
  { name: 'phone', scheme: 'light', size: { width: 390, height: 844 } },
] as const;

const reference = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));

async function check(page: Page, name: string, look: (typeof looks)[number]): Promise<void> {
  await page.setViewportSize(look.size);
  await page.emulateMedia({ colorScheme: look.scheme });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(wider, `${name} at ${look.name} is wider than the window`).toBeLessThanOrEqual(0);
  expect.soft(await audit(page), `${name} at ${look.name}`).toEqual([]);
  // For the documentation: each page once, and one of them in every look.
  if (process.env['FARSHORE_WRITE_REFERENCE'] && (look.name === 'light' || name === 'overview'))
    await page.screenshot({ path: `${reference}${name}-${look.name}.png`, animations: 'disabled' });
}

test.beforeAll(async ({ sites }: { sites: TwoSites }) => {
  sites.secondary.write('document', 'old/forgotten.txt', 'no record names it\n');
  sites.secondary.command('recheck', 'document');
});

test('signing in, in every look', async ({ page, sites }) => {
  await page.goto(sites.secondary.url);
  await expect(page.getByLabel('Token')).toBeFocused();
  for (const look of looks) await check(page, 'sign-in', look);
});

for (const one of pages)
  test(`the page "${one.name}", in every look`, async ({ open, sites }) => {
    const page = await open(sites[one.site], 'operator', one.at);
    const order = { comparison: 'Compare', orphans: 'Look for orphans' }[one.name];
    if (order) await page.getByRole('button', { name: order }).click();
    await one.ready(page);
    for (const look of looks) await check(page, one.name, look);
  });

test('a dialog is as accessible as the page behind it', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/document');
  await page.getByRole('button', { name: 'Resync all' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  for (const look of looks) await check(page, 'dialog', look);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});
