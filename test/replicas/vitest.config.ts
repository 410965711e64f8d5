/** `npm run test:replicas`: the proof that takes minutes, apart from the tests that run on every change. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/replicas/*.proof.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
