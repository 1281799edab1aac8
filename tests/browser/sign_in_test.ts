// Who may see the page, and who may act.

import { expect, test } from './fixtures';

test('a wrong token is told of, and a right one lets in', async ({ page, sites }) => {
  const { secondary } = sites;
  await page.goto(secondary.url);
  await page.getByLabel('Token').fill('not-a-token');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('token');
  await expect(page).toHaveTitle('Sign in · Farshore');

  await page.getByLabel('Token').fill(secondary.token('operator', 'ada'));
  await page.keyboard.press('Enter');
  await expect(page.getByText('Synced up to')).toBeVisible();
  await expect(page.getByText('ada')).toBeVisible();
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });

  await page.reload();
  await expect(page.getByText('Synced up to')).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByLabel('Token')).toBeVisible();
  expect((await page.request.get(`${secondary.url}/api/v1/status`)).status()).toBe(401);
});

test('a token of another site does not let in', async ({ page, sites }) => {
  await page.goto(sites.secondary.url);
  await page.getByLabel('Token').fill(sites.primary.token('operator', 'ada'));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('harbour');
});

test('a viewer sees everything, and can act neither on the page nor beside it', async ({ open, sites, watched }) => {
  watched.expected.push(/status of 403/);
  const page = await open(sites.secondary, 'viewer', '/types/document');
  await expect(page.getByRole('heading', { name: 'document' })).toBeVisible();
  await expect(page.getByText('viewer')).toBeVisible();
  await expect(page.getByRole('button', { name: /resync|pause|reverify/i })).toHaveCount(0);
  const refused = await page.evaluate(async () => {
    const { csrf } = await (await fetch('/session')).json();
    const answer = await fetch('/api/v1/pause', {
      method: 'POST',
      headers: { 'Farshore-CSRF': csrf },
      body: '{"type": "document"}',
    });
    return answer.status;
  });
  expect(refused).toBe(403);
  expect(sites.secondary.type('document').paused).toBe(false);
});

test('a session alone changes nothing: the request has to come from the page itself', async ({ open, sites, watched }) => {
  watched.expected.push(/status of 40[13]/);
  const page = await open(sites.secondary);
  const pause = (headers: Record<string, string>): Promise<number> =>
    page.request
      .post(`${sites.secondary.url}/api/v1/pause`, { headers, data: { type: 'document' } })
      .then((answer) => answer.status());
  const csrf = (await (await page.request.get(`${sites.secondary.url}/session`)).json()).csrf;
  expect(await pause({})).toBe(403);
  expect(await pause({ 'Farshore-CSRF': 'guessed' })).toBe(403);
  expect(await pause({ 'Farshore-CSRF': csrf, Origin: 'https://elsewhere.example' })).toBe(403);
  expect(await pause({ 'Farshore-CSRF': csrf, 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  expect(sites.secondary.type('document').paused).toBe(false);
});

test('the page may not be framed, and lets in nothing from elsewhere', async ({ page, sites }) => {
  const answer = await page.request.get(sites.primary.url);
  expect(answer.headers()['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(answer.headers()['x-content-type-options']).toBe('nosniff');
});

test('who tries many wrong tokens has to wait', async ({ page, sites, watched }) => {
  watched.expected.push(/status of 429/);
  await page.goto(sites.primary.url);
  const tried = (): Promise<number> =>
    page.request
      .post(`${sites.primary.url}/session`, { headers: { Authorization: 'Bearer wrong' } })
      .then((answer) => answer.status());
  const answers = [];
  for (let i = 0; i < 12; i += 1) answers.push(await tried());
  expect(answers.slice(0, 10)).toEqual(Array(10).fill(401));
  expect(answers.at(-1)).toBe(429);
  await page.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('minute');
});
