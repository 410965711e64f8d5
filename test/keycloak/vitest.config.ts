/** `npm run test:keycloak`: against a real Keycloak. It skips, and says so, where none can be started. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    expect: { poll: { timeout: 60_000 } },
    include: ['test/keycloak/*.keycloak.ts'],
    globalSetup: ['test/support/build.ts', 'test/keycloak/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
