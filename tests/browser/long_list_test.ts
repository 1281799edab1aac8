// A list of 100,000 records.

import { expect, test } from './fixtures';
import { manyRows } from './sites';

test('a long list is quick, wherever one looks', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/archive/records');
  const list = page.getByRole('table', { name: 'Records of archive' });
  await expect(page.getByText(`${manyRows.toLocaleString('en')} records`)).toBeVisible();
  await expect(list.getByRole('link', { name: 'year-0/box 1', exact: false }).first()).toBeVisible();
  await expect(list).toHaveAttribute('aria-rowcount', String(manyRows));

  // Only what is in sight is in the document.
  expect(await list.getByRole('row').count()).toBeLessThan(80);

  await page.getByLabel('From record number').fill('99990');
  const asked = Date.now();
  await page.keyboard.press('Enter');
  await expect(list.getByText('year-100/box 100000')).toBeVisible();
  expect(Date.now() - asked).toBeLessThan(5000);
  await expect(page.getByText('11 records')).toBeVisible();

  await page.getByLabel('From record number').fill('');
  await page.keyboard.press('Enter');
  await expect(list.getByText('year-0/box 1', { exact: true })).toBeVisible();
});

test('scrolling fetches what comes, and forgets what went', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/archive/records');
  const scroller = page.locator('.scroller');
  await expect(page.getByText('year-0/box 1', { exact: true })).toBeVisible();
  let known = 0;
  while (known < 2000) {
    const before = known;
    await scroller.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await expect
      .poll(async () => (known = Math.round((await scroller.evaluate((one) => one.scrollHeight)) / 44)))
      .toBeGreaterThan(before);
  }
  await expect(page.getByText(/year-[12]\/box \d{4}$/).first()).toBeVisible();
  expect(await page.getByRole('row').count()).toBeLessThan(80);
});

test('a filter shows only what it names', async ({ open, sites }) => {
  const page = await open(sites.secondary, 'operator', '/types/document/records');
  await page.getByLabel('State').selectOption('Failed or missing');
  await expect(page.getByText('letters/lost-2.txt')).toBeVisible();
  await expect(page.getByText('letters/7.txt')).toHaveCount(0);
  await page.getByLabel('Type').selectOption('manual');
  await expect(page.getByText('chapter 20.txt')).toBeVisible();
});
