import { expect, test } from 'vitest';
import {
  wellKnownAnswer,
  wellKnownPages,
  type WellKnownAnswer,
  type WellKnownRoute,
} from '../../src/oauth/well-known.ts';

const inserted = '/.well-known/oauth-protected-resource';

function route(resource: string, more: Partial<WellKnownRoute> = {}): WellKnownRoute {
  return { resource: { resource, authorizationServers: ['https://as.example.com'] }, ...more };
}

function ask(
  routes: readonly WellKnownRoute[],
  target: string,
  { method = 'GET', host = 'gw.example.com' }: { method?: string; host?: string } = {},
): WellKnownAnswer {
  const answer = wellKnownAnswer(wellKnownPages(routes), { method, host, target });
  if ('kind' in answer) throw new Error('relayed');
  return answer;
}

function resourceAt(...asked: Parameters<typeof ask>): unknown {
  const { status, body } = ask(...asked);
  return status === 200 ? (JSON.parse(body) as { resource: string }).resource : status;
}

const a = 'https://gw.example.com/a';
const b = 'https://gw.example.com/b';

test('one route on a host stands at its path and at the root', () => {
  expect(resourceAt([route(a)], `${inserted}/a`)).toBe(a);
  expect(resourceAt([route(a)], inserted)).toBe(a);
  expect(resourceAt([route(a)], `${inserted}/b`)).toBe(404);
});

test('two routes on a host: each at its path, the root only by being the default', () => {
  expect(resourceAt([route(a), route(b)], `${inserted}/b`)).toBe(b);
  expect(resourceAt([route(a), route(b)], inserted)).toBe(404);
  expect(resourceAt([route(a), route(b, { isDefault: true })], inserted)).toBe(b);
  expect(resourceAt([route(a, { isDefault: true }), route(b, { isDefault: true })], inserted)).toBe(404);
});

test('hosts are apart; a host that a proxy changed is found where there is one only', () => {
  const other = 'https://other.example.com:8443/a';
  expect(resourceAt([route(a), route(other)], `${inserted}/a`, { host: 'OTHER.example.com:8443' })).toBe(other);
  expect(resourceAt([route(a), route(other)], `${inserted}/a`, { host: 'inside' })).toBe(404);
  expect(resourceAt([route(a)], `${inserted}/a`, { host: 'inside' })).toBe(a);
});

test('the page is for everyone, for browsers too, and may be kept for a while', () => {
  expect(ask([route(a)], inserted).headers).toEqual([
    'Content-Type',
    'application/json',
    'Access-Control-Allow-Origin',
    '*',
    'X-Content-Type-Options',
    'nosniff',
    'Cache-Control',
    'public, max-age=300',
  ]);
  const preflight = ask([route(a)], inserted, { method: 'OPTIONS' });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.join('\n')).toContain('Access-Control-Allow-Headers\nMCP-Protocol-Version');
  expect(ask([route(a)], inserted, { method: 'HEAD' }).status).toBe(200);
  expect(ask([route(a)], inserted, { method: 'POST' }).status).toBe(405);
});

test('anything else there is 404 as JSON', () => {
  for (const target of [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/a',
    '/.well-known/x',
  ]) {
    expect(ask([route(a)], target)).toMatchObject({ status: 404, body: '{"error":"not_found"}' });
  }
  expect(ask([], inserted).status).toBe(404);
});

test('metadata of the authorization server is relayed by request only, in both forms', () => {
  const pages = wellKnownPages([route(a, { relaysServerMetadata: true })]);
  for (const [target, form] of [
    ['/.well-known/oauth-authorization-server/a', 'oauth-authorization-server'],
    ['/.well-known/oauth-authorization-server', 'oauth-authorization-server'],
    ['/.well-known/openid-configuration/a', 'openid-configuration'],
    ['/.well-known/openid-configuration', 'openid-configuration'],
  ] as const) {
    expect(wellKnownAnswer(pages, { method: 'GET', host: 'gw.example.com', target })).toEqual({
      kind: 'relayed',
      form,
      issuer: 'https://as.example.com',
    });
  }
});
