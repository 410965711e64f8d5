import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What is waited for comes on its own time: log lines a second late, everything later on a busy machine.
    expect: { poll: { timeout: 10_000 } },
    include: ['test/**/*.test.ts'],
    // Flows run the real command from dist.
    globalSetup: ['test/support/build.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default'],
  },
});
