/** An upstream that is the gateway itself is left out; every other one stays. */
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import type { Config, UpstreamConfig } from '../../src/config/model.ts';
import { ConfigError } from '../../src/config/model.ts';
import { withoutItself } from '../../src/process/own-address.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';

const at = (id: string, url: string): UpstreamConfig =>
  anUpstream(id, { transport: { kind: 'http', url, headers: [] } });
const other = at('other', 'https://mcp.example/mcp');

function configOf(...routes: readonly (readonly UpstreamConfig[])[]): Config {
  return {
    routes: routes.map((upstreams, place) => ({
      name: `route-${place}`,
      path: '/mcp',
      naming: other.naming,
      upstreams,
    })),
    warnings: [],
  };
}

const everywhere = { host: '0.0.0.0', port: 8080, resource: 'https://gw.example/mcp', tls: undefined };

function isItself(url: string, host = '0.0.0.0', port = 8080): boolean {
  const config = configOf([at('it', url), other]);
  const { unusable = [] } = withoutItself(config, 'file', { ...everywhere, host, port }, false);
  return unusable.length === 1;
}

test.each([
  ['http://localhost:8080/mcp', '0.0.0.0', true],
  ['http://127.9.9.9:8080/other', '0.0.0.0', true],
  ['http://[::1]:8080/mcp', '::', true],
  ['http://app.localhost:8080/mcp', '0.0.0.0', true],
  ['http://localhost:8080/mcp', '127.0.0.1', true],
  ['http://127.0.0.1:8080/mcp', 'localhost', true],
  ['http://GW.internal:8080/mcp', 'gw.internal', true],
  // By its public name, on any port.
  ['https://gw.example/mcp', '127.0.0.1', true],
  ['https://gw.example/other', '127.0.0.1', false],
  ['http://localhost:8081/mcp', '0.0.0.0', false],
  ['https://localhost:8080/mcp', '0.0.0.0', false],
  // Another loopback address may be another program.
  ['http://127.0.0.2:8080/mcp', '127.0.0.1', false],
  ['http://mcp.example:8080/mcp', '0.0.0.0', false],
])('%s is the gateway that listens at %s: %s', (url, host, expected) => {
  expect(isItself(url, host)).toBe(expected);
});

test('an address of this machine is the gateway that listens on all of them', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.find(({ family }) => family === 'IPv4')!.address;
  expect([isItself(`http://${own}:8080/mcp`), isItself(`http://${own}:8080/mcp`, '192.0.2.1')]).toEqual([true, false]);
});

test('the default port of a URL is a port as well; a port that is not known yet is none', () => {
  expect([isItself('http://localhost/mcp', '0.0.0.0', 80), isItself('http://localhost:8080/', '0.0.0.0', 0)]).toEqual([
    true,
    false,
  ]);
});

test('it is left out of every route and named once; a route of nothing else goes', () => {
  const it = at('it', 'http://localhost:8080/mcp');
  const config = configOf([it, other], [it], [other]);
  const { routes, unusable = [] } = withoutItself(config, 'file', everywhere, false);
  expect(routes.map(({ name, upstreams }) => [name, upstreams])).toEqual([
    ['route-0', [other]],
    ['route-2', [other]],
  ]);
  expect(unusable.map(({ name }) => name)).toEqual(['it']);
  // Nothing of it: the very same.
  const clean = configOf([other]);
  expect(withoutItself(clean, 'file', everywhere, true)).toBe(clean);
});

test('alone, or where all entries have to be usable, it is a fault', () => {
  const it = at('it', 'http://localhost:8080/mcp');
  expect(() => withoutItself(configOf([it]), 'the file', everywhere, false)).toThrow(ConfigError);
  expect(() => withoutItself(configOf([it, other]), 'the file', everywhere, true)).toThrow('the file: 1 fault');
});
