/**
 * The reference product's own files: `check` reads each of them, and `run` serves it or says what it does not do. They are not in
 * this repository; without the folder `shared` beside it the test is skipped and says so.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loopbackUrls, startProgram } from '../support/program.ts';
import { check } from '../../src/cli/check.ts';
import { readGivenSources } from '../../src/process/sources.ts';
import { unenforced } from '../../src/process/unenforced.ts';
import { recordingIo } from '../cli/recording-io.ts';

const shared = fileURLToPath(new URL('../../../shared/envoy-examples/', import.meta.url));
const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folders = ['examples', 'e2e'];
const files = existsSync(shared)
  ? folders.flatMap((folder) =>
      readdirSync(`${shared}${folder}`)
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => `${folder}/${name}`),
    )
  : [];

/** Kinds that these files have beside an MCP route, and that say nothing of one. */
const passedOver =
  /passed over: (?:(?:AIGatewayRoute|AIServiceBackend|BackendSecurityPolicy|ClientTrafficPolicy|Deployment|EnvoyProxy|GatewayClass|Namespace)(?:, )?)+;/;
/** What else may be told: what holds in place of what the file leaves open. */
const told =
  /no "audiences"|environment variable it names is not set|holds a private key|is not among the documents|backendSettings|recomputeRoute/;

test.skipIf(files.length > 0)('skipped: there is no folder shared/envoy-examples beside this repository', () => {});

describe.skipIf(files.length === 0).each(files)('%s', (name) => {
  const file = `${shared}${name}`;
  const given = { files: [file], mcpConfig: [], mcpJson: [] };

  test('is valid; every warning is of a kind or a field that is known', async () => {
    const io = recordingIo();
    expect(await check({ ...given, output: 'table', diff: false }, io)).toBe(0);
    const warnings = io
      .said()
      .err.split('\n')
      .filter((line) => line.startsWith('warning:'));
    for (const warning of warnings) expect(warning).toMatch(new RegExp(`${passedOver.source}|${told.source}`));
  });

  test('is served, or refused with each reason', async () => {
    const config = await readGivenSources(given, recordingIo());
    const reasons = unenforced(config).map(({ problem }) => problem);
    const run = [command, 'run', file, '--port', '0', '--admin-port', 'off', '--drain-delay', '0s'];
    const starting = startProgram(run, {
      env: { ...process.env, apiKey: 'k' },
      // A name inside a cluster is not found here, which is no fault of the file: its server joins later.
      ready: (stdout) => loopbackUrls(stdout)[0]?.pathname,
    });
    if (reasons.length === 0) {
      const { ready, stop } = await starting;
      expect(config.routes.map(({ path }) => path)).toContain(ready);
      expect((await stop()).code).toBe(0);
    } else {
      const said = await starting.then(() => 'started', String);
      for (const reason of reasons) expect(said).toContain(reason);
    }
  }, 60_000);
});
