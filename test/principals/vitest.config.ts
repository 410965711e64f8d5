/** `npm run test:principals`: ten minutes, or PRINCIPAL_SECONDS. The short form runs with the slow tests. */
import { defineConfig } from 'vitest/config';

const seconds = Number(process.env['PRINCIPAL_SECONDS'] ?? 600);

export default defineConfig({
  test: {
    include: ['test/principals/principals.test.ts'],
    globalSetup: ['test/support/build.ts'],
    env: { PRINCIPAL_SECONDS: String(seconds) },
    testTimeout: (seconds + 120) * 1_000,
    hookTimeout: 120_000,
  },
});
