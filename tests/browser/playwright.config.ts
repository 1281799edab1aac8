import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  testMatch: '*_test.ts',
  // All of them look at the same two sites.
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  // A site that did not come up would be started anew for each of them.
  maxFailures: 5,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  outputDir: '../../build/browser',
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env['FARSHORE_CHROMIUM'] ?? '/usr/bin/chromium',
      // It has no user to be sandboxed from where it runs as root, as in a container.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
  },
});
