/** `npm run test:kubernetes`: against a real API server. It skips, and says so, where one cannot be started. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    expect: { poll: { timeout: 60_000 } },
    include: ['test/kubernetes/*.cluster.ts'],
    // Gateways are run from dist.
    globalSetup: ['test/support/build.ts', 'test/kubernetes/global-setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // One API server for all; what kills it must not disturb the others.
    fileParallelism: false,
  },
});
