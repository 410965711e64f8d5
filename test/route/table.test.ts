/** Which route a request is for: by path, host and headers, the most specific first (Gateway API HTTPRouteMatch). */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { RouteConfig } from '../../src/config/model.ts';
import { Route, type RouteParts } from '../../src/route/route.ts';
import { hopPathOf, hostsOf, RouteTable } from '../../src/route/table.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';

/** A table reads the configuration of a route and nothing else of it. */
function aRoute(name: string, more: Partial<RouteConfig> = {}): Route {
  const upstream = anUpstream();
  const config: RouteConfig = { name, path: '/mcp', naming: upstream.naming, upstreams: [upstream], ...more };
  return new Route({ config } as RouteParts);
}

function found(routes: readonly Route[], url: string, headers: IncomingHttpHeaders = {}): string | undefined {
  return new RouteTable(routes).find({ url, headers } as IncomingMessage)?.config.name;
}

describe('path', () => {
  const routes = [aRoute('one'), aRoute('two', { path: '/two' })];
  for (const [url, name] of [
    ['/mcp', 'one'],
    ['/mcp/', 'one'],
    ['/two?x=/mcp', 'two'],
    ['/two/?x', 'two'],
    ['/two/deeper', undefined],
    ['/tw', undefined],
    ['/MCP', undefined],
  ] as const)
    test(`${url} is for ${name ?? 'no route'}`, () => expect(found(routes, url)).toBe(name));
});

describe('host', () => {
  const routes = [
    aRoute('any'),
    aRoute('wide', { hosts: ['*.example'] }),
    aRoute('narrow', { hosts: ['*.tools.example'] }),
    aRoute('exact', { hosts: ['a.tools.example', 'other.test'] }),
  ];
  for (const [host, name] of [
    ['a.tools.example', 'exact'],
    ['A.Tools.Example:8080', 'exact'],
    ['other.test', 'exact'],
    ['b.tools.example', 'narrow'],
    ['c.b.tools.example', 'narrow'],
    ['tools.example', 'wide'],
    // The suffix stands for one label at least.
    ['example', 'any'],
    ['.example', 'any'],
    ['notexample', 'any'],
    [undefined, 'any'],
  ] as const)
    test(`${host ?? 'no host'} is for ${name}, in whatever order the routes stand`, () => {
      const headers = host === undefined ? {} : { host };
      expect(found(routes, '/mcp', headers)).toBe(name);
      expect(found(routes.toReversed(), '/mcp', headers)).toBe(name);
    });

  test('another host than that of the only route finds nothing', () => {
    expect(found([aRoute('exact', { hosts: ['a.example'] })], '/mcp', { host: 'b.example' })).toBeUndefined();
  });
});

describe('headers', () => {
  const tenant = { name: 'x-tenant', kind: 'exact', value: 'blue' } as const;
  const version = { name: 'x-version', kind: 'pattern', value: 'v[0-9]+|beta' } as const;
  const routes = [
    aRoute('none'),
    aRoute('one', { headers: [tenant] }),
    aRoute('both', { headers: [tenant, version] }),
    aRoute('host', { hosts: ['a.example'] }),
  ];
  for (const [headers, name] of [
    [{ 'x-tenant': 'blue', 'x-version': 'v12' }, 'both'],
    [{ 'x-tenant': 'blue', 'x-version': 'beta' }, 'both'],
    // A pattern is for the whole value.
    [{ 'x-tenant': 'blue', 'x-version': 'v12-rc' }, 'one'],
    [{ 'x-tenant': 'blue', 'x-version': 'my-beta' }, 'one'],
    [{ 'x-tenant': 'Blue' }, 'none'],
    [{}, 'none'],
    // A host goes before any number of headers.
    [{ 'x-tenant': 'blue', 'x-version': 'v12', host: 'a.example' }, 'host'],
  ] as const)
    test(`${JSON.stringify(headers)} is for ${name}`, () => expect(found(routes, '/mcp', headers)).toBe(name));
});

test('replicas find a route of its own for each, also where routes share a path', () => {
  const [first, second] = [aRoute('default'), aRoute('docs', { namespace: 'team', hosts: ['docs.example'] })];
  const table = new RouteTable([first, second]);
  expect([first, second].map(({ config }) => hopPathOf(config))).toEqual(['/mcp', '/route/team%2Fdocs']);
  expect(table.atHopPath('/mcp')).toBe(first);
  expect(table.atHopPath('/route/team%2Fdocs')).toBe(second);
  expect(table.atHopPath('/route/docs')).toBeUndefined();
});

test('hosts are told apart for the check against DNS rebinding', () => {
  expect(hostsOf({ hosts: ['a.example', '*.b.example'] })).toEqual({ exact: ['a.example'], suffixes: ['.b.example'] });
  expect(hostsOf({})).toEqual({ exact: [], suffixes: [] });
});
