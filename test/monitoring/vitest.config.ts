/** `npm run test:monitoring`: rules and dashboard against a real Prometheus. It takes a minute, and skips where there is none. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/monitoring/*.proof.ts'],
    // Gateways are run from dist.
    globalSetup: ['test/support/build.ts'],
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
});
