// What operators do, and what the page shows of it by itself.

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures';
import { until } from './sites';

test('a new record is there without a reload', async ({ open, sites }) => {
  const page = await open(sites.secondary);
  const verified = page.getByRole('article', { name: 'document' }).getByRole('link', { name: /verified/ });
  await expect(verified).toContainText('60');
  sites.primary.write('document', 'letters/new.txt', 'it has just come\n');
  sites.primary.sql("INSERT INTO documents (path) VALUES ('letters/new.txt')");
  await expect(verified).toContainText('61');
});

test('pause and resume', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/document');
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('status').getByText('paused')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  expect(sites.secondary.type('document').paused).toBe(true);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  expect(sites.secondary.type('document').paused).toBe(false);
});

test('all types are paused only after a question', async ({ open, sites }) => {
  const page = await open(sites.secondary);
  await page.getByRole('button', { name: 'Pause all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect(sites.secondary.type('document').paused).toBe(false);
  await page.getByRole('button', { name: 'Pause all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause all' }).click();
  await expect(page.getByRole('button', { name: 'Resume all' })).toBeVisible();
  expect(sites.secondary.type('document').paused).toBe(true);
  await page.getByRole('button', { name: 'Resume all' }).click();
  await expect(page.getByRole('button', { name: 'Pause all' })).toBeVisible();
  // The long list's records stay unfetched.
  sites.secondary.command('pause', 'archive');
});

test('one that failed is found, and synced once what was in its way is gone', async ({ open, sites }) => {
  const { primary, secondary } = sites;
  const inTheWay = join(secondary.store('document'), 'letters/blocked.txt');
  mkdirSync(join(inTheWay, 'by a folder'), { recursive: true });
  primary.write('document', 'letters/blocked.txt', 'it can’t land\n');
  primary.sql("INSERT INTO documents (path) VALUES ('letters/blocked.txt')");
  const page = await open(secondary, 'operator', '/types/document/records?state=failed');
  await page.getByRole('link', { name: /letters\/blocked\.txt/ }).click();
  await expect(page.getByText('failed', { exact: true })).toBeVisible();
  rmSync(inTheWay, { recursive: true });
  await page.getByRole('button', { name: 'Resync' }).click();
  await expect(page.getByText(/^(synced|verified)$/)).toBeVisible();
  expect(existsSync(inTheWay)).toBe(true);
});

test('resync and reverify of many', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/document');
  const said = page.getByRole('status').filter({ hasText: /record|All of|Nothing/ });
  await page.getByRole('button', { name: 'Resync failed' }).click();
  await expect(said).toContainText('synced again');
  await page.getByRole('button', { name: 'Resync all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resync all' }).click();
  await expect(said).toContainText(/document/);
  await page.getByRole('button', { name: 'Reverify all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reverify all' }).click();
  await expect(said).toContainText('verified');
  await until('all of it is verified again', () => {
    const type = sites.secondary.type('document');
    return type.verified_count === type.registry_count - 2 && !type.reverifying && !type.marking;
  });
});

test('a check of all, and a comparison', async ({ open, sites }) => {
  const page = await open(sites.secondary);
  await page.getByRole('button', { name: 'Check all' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'a check has begun' })).toBeVisible();
  await page.goto(`${sites.secondary.url}/#/types/manual`);
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByText('What was compared is equal')).toBeVisible();
});

test('orphans are looked for, and removed after a question', async ({ open, sites }) => {
  const { secondary } = sites;
  secondary.write('document', 'old/orphan.txt', 'nobody’s\n');
  const page = await open(secondary, 'operator', '/types/document/orphans');
  await page.getByRole('button', { name: 'Look for orphans' }).click();
  await expect(page.getByText('old/orphan.txt')).toBeVisible();
  await page.getByRole('button', { name: /^Remove/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: /^Remove/ }).click();
  await expect(page.getByText(/removed/).first()).toBeVisible();
  await until('the orphan is gone', () => !existsSync(join(secondary.store('document'), 'old/orphan.txt')));
});

test('removals that are held back are approved on the primary', async ({ open, sites }) => {
  const { primary } = sites;
  // All at once: what goes one by one is believed.
  renameSync(join(primary.store('manual'), 'part one'), join(primary.folder, 'part one'));
  const page = await open(primary, 'operator', '/types/manual');
  await page.getByRole('button', { name: 'Scan now' }).click();
  await page.getByRole('button', { name: 'Approve 12 removals' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Approve 12 removals' }).click();
  await expect(page.getByRole('button', { name: /^Approve/ })).toHaveCount(0);
  await expect(page.getByRole('link', { name: '28 records' })).toBeVisible();
});

test('what the primary could not read is read again', async ({ open, sites }) => {
  const page = await open(sites.primary, 'operator', '/faults');
  await expect(page.getByText('letters/lost-1.txt')).toBeVisible();
  sites.primary.write('document', 'letters/lost-1.txt', 'found\n');
  await page.getByRole('button', { name: 'Read them again' }).click();
  await expect(page.getByText('letters/lost-1.txt')).toHaveCount(0);
});

test('the keyboard reaches all of it', async ({ open, sites }) => {
  const page = await open(sites.secondary);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: /page's content/ })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  expect(outline).toBe('solid');
});

test('a node that does not answer is said to be so; once it is back, one signs in again', async ({
  open,
  sites,
  watched,
}) => {
  watched.expected.push(/ERR_(CONNECTION_REFUSED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/);
  const page = await open(sites.secondary);
  await expect(page.getByText('Synced up to')).toBeVisible();
  await sites.secondary.stop();
  await expect(page.getByRole('alert')).toContainText('does not answer');
  await sites.secondary.start();
  await expect(page.getByLabel('Token')).toBeVisible();
});
