/**
 * Three sets: `quick`, `flow` and `slow`. `npm test` runs the first two, `npm run test:slow` the third, `npm run test:all` and CI
 * all of them; a file named on the command line runs in whichever it belongs to.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Hundreds of processes of Node load the same modules: what V8 has made of them is kept.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

/** Functions without sockets, processes or fake clocks: their files share one process, as each new one costs more than its tests. */
const quick = [
  'aggregate',
  'clients',
  'config',
  'errors',
  'pins',
  'properties',
  'protocol',
  'session',
  'telemetry',
].map((folder) => `test/${folder}/**/*.test.ts`);

/** Those that take a quarter of a minute or more each, since what they look at takes its time. */
const slow = [
  'test/conformance/preserved.test.ts',
  'test/examples/{envoy-files,files}.test.ts',
  'test/flow/edge/crowding.test.ts',
  'test/flow/files.test.ts',
  'test/flow/healing.test.ts',
  'test/flow/modern/watching.test.ts',
  'test/flow/reload-under-load.test.ts',
  'test/flow/pairs/**/*.test.ts',
  'test/flow/streams/{drain,listening,workers}.test.ts',
  'test/flow/tokens.test.ts',
  'test/transport/bridge/bridge.test.ts',
];

const everything = 'test/**/*.test.ts';

export default defineConfig({
  test: {
    // What is waited for comes on its own time: log lines a second late, everything later on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // Flows run the real command from dist.
    globalSetup: ['test/support/build.ts'],
    testTimeout: 40_000,
    hookTimeout: 60_000,
    reporters: ['default'],
    // Most of a flow is waiting: for processes, drains and heartbeats.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      { extends: true, test: { name: 'quick', include: quick, isolate: false } },
      { extends: true, test: { name: 'flow', include: [everything], exclude: ['node_modules', ...quick, ...slow] } },
      { extends: true, test: { name: 'slow', include: slow } },
    ],
  },
});
