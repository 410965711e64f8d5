/** The files in examples/ load as they are, with nothing in the environment but a home directory. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';

for (const [file, ids, warnings] of [
  ['mcp.json', ['everything', 'notes'], []],
  ['claude.json', ['notes', 'everything'], []],
  ['cursor.json', ['notes', 'everything'], []],
  ['vscode.json', ['notes', 'everything'], []],
] as const) {
  test(`examples/${file} loads`, async () => {
    const text = await readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
    const config = readConfig(text, file, { HOME: '/home/ada' });
    expect(config.routes[0]?.upstreams.map(({ id }) => id)).toEqual(ids);
    expect(config.warnings).toEqual(warnings);
  });
}

test('examples/mcp-route.yaml loads: the servers, selector and security of the announcement', async () => {
  const text = await readFile(new URL('../../examples/mcp-route.yaml', import.meta.url), 'utf8');
  const { routes, warnings } = readConfig(text, 'mcp-route.yaml', { GITHUB_TOKEN: 't0ken' });
  expect(warnings).toEqual([]);
  const [route] = routes;
  expect(route).toMatchObject({
    name: 'mcp-route',
    namespace: 'default',
    path: '/mcp',
    ports: [1975],
    security: { oauth: { issuer: 'https://auth-server.example.com', keys: { kind: 'discovered' } } },
  });
  expect(route?.upstreams.map(({ id, transport }) => [id, transport])).toMatchObject([
    ['context7', { url: 'https://mcp.context7.com/mcp', headers: [['CONTEXT7_API_KEY', 'none']] }],
    [
      'github',
      { url: 'https://api.githubcopilot.com/mcp/x/issues/readonly', headers: [['Authorization', 'Bearer t0ken']] },
    ],
  ]);
  expect(route?.upstreams[1]).toMatchObject({
    tools: { includePatterns: ['.*pull_requests?.*', '.*issues?.*'] },
    limits: { connectTimeoutMs: 2_000, callTimeoutMs: 120_000, concurrency: { calls: 64, queue: 256 } },
  });
});
