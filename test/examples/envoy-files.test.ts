/**
 * The reference product's own files, through the real command: `check` takes each of them or says why not, and `run` serves what `check`
 * takes: it starts, says which upstream it cannot reach, answers `initialize` on every route, and ends in good order. The files are
 * not in this repository; without the folder `shared` beside it the test is skipped and says so.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { RouteConfig } from '../../src/config/model.ts';
import { readGivenSources } from '../../src/process/sources.ts';
import { recordingIo } from '../cli/recording-io.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { initializeText, messagesOf, posting, send, type Answer } from '../support/plain-client.ts';

const shared = fileURLToPath(new URL('../../../shared/envoy-examples/', import.meta.url));
const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const isThere = existsSync(shared);
const files = isThere
  ? ['examples', 'e2e', 'crd-cases'].flatMap((folder) =>
      readdirSync(`${shared}${folder}`)
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => `${folder}/${name}`),
    )
  : [];

/** By file of `crd-cases`: `ok`, or what the API server says of it. */
const verdicts: ReadonlyMap<string, string> = new Map(
  isThere
    ? readFileSync(`${shared}crd-cases/expected.tsv`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('\t') as [string, string])
        .map(([file, verdict]) => [`crd-cases/${file}`, verdict] as const)
    : [],
);
const [accepted, refused] = [true, false].map((isTaken) =>
  files.filter((file) => ((verdicts.get(file) ?? 'ok') === 'ok') === isTaken),
) as [string[], string[]];

/** What may be told of a file that is valid: kinds that say nothing of an MCP route, and what holds in place of what is left open. */
const told = [
  /passed over: (?:(?:AIGatewayRoute|AIServiceBackend|BackendSecurityPolicy|ClientTrafficPolicy|Deployment|EnvoyProxy|GatewayClass|Namespace)(?:, )?)+;/,
  /spec\.infrastructure: passed over/,
  /no "audiences"|environment variable it names is not set|holds a private key|the Gateway is not among the documents/,
];

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { env: { ...process.env, apiKey: 'k' } }, (fault, stdout, stderr) =>
      resolve({ code: fault === null ? 0 : Number(fault.code), stdout, stderr }),
    );
  });
}

test.skipIf(isThere)('skipped: there is no folder shared/envoy-examples beside this repository', () => {});

test.skipIf(!isThere)('all of them are tried', () => {
  expect(accepted.length).toBeGreaterThanOrEqual(16);
  expect(refused).toHaveLength(13);
});

describe.skipIf(!isThere).each(refused)('%s', (name) => {
  test('is refused with the reason of the API server, and its place', async () => {
    const { code, stderr } = await run('check', `${shared}${name}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\.yaml:\d+:\d+: spec\./);
    expect(stderr).toContain(verdicts.get(name));
    expect((await run('run', `${shared}${name}`)).stderr).toContain(verdicts.get(name));
  });
});

/** `initialize` as the route asks for it. */
async function initialized({ url }: GatewayProcess, { path, hosts, headers = [] }: RouteConfig): Promise<Answer> {
  const host = hosts?.[0]?.replace(/^\*/, 'any');
  const matched = headers.flatMap(({ name, value }) => [name, value]);
  const more = [...(host === undefined ? [] : ['Host', host]), ...matched];
  return await send(new URL(path, url).href, { headers: posting(...more), body: initializeText() });
}

describe.skipIf(!isThere).each(accepted)('%s', (name) => {
  const file = `${shared}${name}`;

  test('is valid; every warning is of a kind or a field that is known', async () => {
    const { code, stdout, stderr } = await run('check', file);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain(': valid');
    const warnings = stderr.split('\n').filter((line) => line.includes('warning:'));
    const unknown = warnings.filter((warning) => !told.some((one) => one.test(warning)));
    expect(unknown).toEqual([]);
  });

  test('is served: every route answers, and every upstream that cannot be reached is told', async () => {
    const { routes } = await readGivenSources({ files: [file], mcpConfig: [], mcpJson: [] }, recordingIo());
    // A name inside a cluster is not found here, which is no fault of the file: its server joins later.
    const gateway = await startGateway({
      args: [file, '--init-timeout', '3s'],
      env: { apiKey: 'k' },
      path: (path) => routes.some((route) => route.path === path),
    });
    const ready = await fetch(`${gateway.adminUrl}/readyz`);
    // An issuer inside a cluster is not found either: what waits for its keys says so.
    if (ready.status !== 200)
      expect([routes.some(({ security }) => security?.oauth !== undefined), await ready.text()]).toEqual([
        true,
        expect.stringContaining('keys'),
      ]);
    const states = gateway.stdout.filter((line) => /^ {2}\S+ +(?:up|down|slow|starting) /.test(line));
    const missing = routes.flatMap(({ upstreams }) =>
      upstreams.filter(({ id }) => !states.some((line) => line.trim().startsWith(`${id} `))),
    );
    expect(missing.map(({ id }) => id)).toEqual([]);
    for (const route of routes) {
      const { security } = route;
      const answer = await initialized(gateway, route);
      if (security?.oauth !== undefined) {
        expect(answer.status).toBe(401);
        expect(answer.headers['www-authenticate']).toContain('resource_metadata=');
      } else if (security?.apiKeyAuth !== undefined) expect(answer.status).toBe(401);
      // The service that decides is inside the cluster as well.
      else if (security?.extAuth !== undefined) expect(answer.status).toBe(security.extAuth.statusOnError);
      else {
        expect(answer.status).toBe(200);
        const [message] = messagesOf(answer);
        if (message?.result === undefined) expect(message?.error?.message).toBe('No upstream server is reachable');
        else expect(message.result).toHaveProperty('protocolVersion');
      }
    }
    expect((await gateway.kill()).code).toBe(0);
  }, 60_000);
});
