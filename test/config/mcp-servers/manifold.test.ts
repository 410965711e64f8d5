/** The key `manifold` of an mcpServers file: several routes, and settings of servers. */
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config/read.ts';
import { ConfigError } from '../../../src/config/model.ts';

const servers = { a: { url: 'http://a/mcp' }, b: { url: 'http://b/mcp' }, off: { command: 'x', disabled: true } };

function faultsOf(manifold: unknown): readonly string[] {
  try {
    readConfig(JSON.stringify({ mcpServers: servers, manifold }), 'f', {});
    return [];
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
}

test('routes stand in place of the one at /mcp, each with the servers it names, in its order', () => {
  const manifold = {
    routes: {
      all: { servers: ['b', 'a'], path: '/all' },
      team: { servers: ['a'], hostnames: ['*.example.com'], headers: [{ name: 'X-Team', value: '${TEAM}' }] },
    },
  };
  const { routes, warnings } = readConfig(JSON.stringify({ mcpServers: servers, manifold }), 'f', { TEAM: 'blue' });
  expect(warnings).toEqual([]);
  expect(routes).toMatchObject([
    { name: 'all', path: '/all', upstreams: [{ id: 'b' }, { id: 'a' }] },
    {
      name: 'team',
      path: '/mcp',
      hosts: ['*.example.com'],
      headers: [{ name: 'x-team', kind: 'exact', value: 'blue' }],
      upstreams: [{ id: 'a' }],
    },
  ]);
});

test('settings of a server count beside its own keys', () => {
  const text = JSON.stringify({
    mcpServers: { a: { url: 'http://a/mcp', timeout: 5_000 } },
    manifold: { backends: { a: { promptSelector: { exclude: ['p'] }, concurrency: { calls: 2 } } } },
  });
  expect(readConfig(text, 'f', {}).routes[0]?.upstreams[0]).toMatchObject({
    timeoutMs: 5_000,
    prompts: { exclude: new Set(['p']) },
    limits: { concurrency: { calls: 2, queue: 0 } },
  });
});

describe('faults', () => {
  for (const [manifold, fault] of [
    [{ routs: {} }, 'manifold.routs: unknown field'],
    [{ routes: {} }, 'manifold.routes: no route'],
    [{ routes: { r: {} } }, 'manifold.routes.r.servers: missing'],
    [{ routes: { r: { servers: ['c'] } } }, 'manifold.routes.r.servers[0]: no server of this name is enabled'],
    [{ routes: { r: { servers: ['a', 'a'] } } }, 'manifold.routes.r.servers: a server stands here twice'],
    [{ routes: { 'r r': { servers: ['a'] } } }, 'manifold.routes["r r"]: not the name of a route'],
    [{ routes: { r: { servers: ['a'], path: 'x' } } }, 'manifold.routes.r.path: not the path of a URL'],
    [
      { routes: { r: { servers: ['a'] }, s: { servers: ['b'] } } },
      'route s: the route r has the same path /mcp, host and headers',
    ],
    [
      { backends: { a: { concurrency: { calls: 0 } } } },
      'manifold.backends.a.concurrency.calls: outside of what is allowed',
    ],
    [{ backends: { c: {} } }, 'manifold.backends.c: no server of this name is enabled'],
  ] as const) {
    test(fault, () => expect(faultsOf(manifold)).toEqual([fault]));
  }
});
