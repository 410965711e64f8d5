/** What upstreams of 2026-07-28 say of how long their answers count, and what clients are told (2026-07-28 server/utilities/caching). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';

interface Said {
  readonly ttlMs?: number;
  readonly cacheScope?: string;
}

const tool = (name: string): object => ({ name, inputSchema: { type: 'object' } });
const page = { tools: [tool('a')] };

/** An upstream that says `said` of its lists. */
function saying(said: Said): Promise<ModernUpstream> {
  return startModern((message, response) => {
    if (message.method === 'tools/list') sayJson(response, completed(message, { ...page, ...said }));
    else sayJson(response, completed(message, { content: [] }));
  });
}

async function inFront(servers: Record<string, unknown>): Promise<GatewayProcess> {
  return await startGateway({ config: { mcpServers: servers }, admin: false });
}

async function hintsOf(url: string, method: string, params = {}): Promise<[unknown, unknown]> {
  const { rpc } = await askModern(url, method, { params });
  return [rpc.result?.['ttlMs'], rpc.result?.['cacheScope']];
}

describe('a list', () => {
  let long: ModernUpstream;
  let none: ModernUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    long = await saying({ ttlMs: 600_000, cacheScope: 'public' });
    none = await saying({ ttlMs: 0, cacheScope: 'public' });
    gateway = await inFront({ long: { url: long.url } });
  });

  test('that is public and lasts is asked for once, for clients that upstreams were told different things of', async () => {
    const [first, second] = await Promise.all([
      hintsOf(gateway.url, 'tools/list'),
      sdkClient(gateway.url).then(async ({ client }) => await client.listTools()),
    ]);
    expect(first[1]).toBe('public');
    expect(Number(first[0])).toBeGreaterThan(400_000);
    expect(Number(first[0])).toBeLessThanOrEqual(600_000);
    expect(second.tools.map(({ name }) => name)).toEqual(['long__a']);
    const before = long.requestsOf('tools/list').length;
    const other = await sdkClient(gateway.url, { roots: [] });
    await other.client.listTools();
    expect(long.requestsOf('tools/list').length).toBe(before);
    const [age] = await hintsOf(gateway.url, 'tools/list');
    expect(Number(age)).toBeLessThan(Number(first[0]));
  });

  test('is private and counts for no time with an upstream of the session era in it', async () => {
    const old = await startScripted((message, response) => sayJson(response, resultOf(message, page)));
    const mixed = await inFront({ long: { url: long.url }, old: { url: old.url } });
    expect(await hintsOf(mixed.url, 'tools/list')).toEqual([0, 'private']);
    expect(await hintsOf(mixed.url, 'server/discover')).toEqual([0, 'private']);
    await mixed.kill();
  });

  test('is private where headers of the caller are forwarded, and kept apart for each', async () => {
    const upstream = await saying({ ttlMs: 600_000, cacheScope: 'public' });
    const forwarding = await inFront({ up: { url: upstream.url, forwardHeaders: ['X-Tenant'] } });
    const ask = async (...tenants: readonly string[]): Promise<unknown[]> => {
      const before = upstream.requestsOf('tools/list').length;
      for (const tenant of tenants) {
        const { rpc } = await askModern(forwarding.url, 'tools/list', { headers: { 'X-Tenant': tenant } });
        expect(rpc.result?.['cacheScope']).toBe('private');
      }
      return upstream
        .requestsOf('tools/list')
        .slice(before)
        .map(({ headers }) => headers['x-tenant']);
    };
    expect(await ask('one', 'two')).toEqual(['one', 'two']);
    // The first list of a client is cached under what was known before its first upstream session.
    await ask('one', 'two');
    expect(await ask('one', 'two', 'one')).toEqual([]);
    await forwarding.kill();
  });

  test('that counts for no time is asked for each time', async () => {
    const fresh = await inFront({ none: { url: none.url } });
    const before = none.requestsOf('tools/list').length;
    for (const _ of [1, 2, 3]) {
      expect(await hintsOf(fresh.url, 'tools/list')).toEqual([0, 'public']);
      // Two requests in one millisecond may share what was asked for.
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    expect(none.requestsOf('tools/list').length).toBe(before + 3);
    await fresh.kill();
  });

  test('is asked for again after a call that it offered was answered as unknown', async () => {
    const upstream = await startModern((message, response) => {
      if (message.method === 'tools/list')
        sayJson(response, completed(message, { ...page, ttlMs: 600_000, cacheScope: 'public' }));
      else sayError(response, message, 200, { code: -32602, message: 'Unknown tool: a' });
    });
    const fresh = await inFront({ up: { url: upstream.url } });
    await askModern(fresh.url, 'tools/list');
    const before = upstream.requestsOf('tools/list').length;
    await askModern(fresh.url, 'tools/list');
    expect(upstream.requestsOf('tools/list').length).toBe(before);
    // A name that nobody offered says nothing of the list: a client cannot have the lists of all forgotten.
    for (let made = 0; made < 3; made += 1)
      await askModern(fresh.url, 'tools/call', { params: { name: `up__made-up-${made}` } });
    await askModern(fresh.url, 'tools/list');
    expect(upstream.requestsOf('tools/list').length).toBe(before);
    await askModern(fresh.url, 'tools/call', { params: { name: 'up__a' } });
    await askModern(fresh.url, 'tools/list');
    expect(upstream.requestsOf('tools/list').length).toBe(before + 1);
    await fresh.kill();
  });
});

function discovering(said: () => Said): Promise<ModernUpstream> {
  return startModern((message, response) => sayJson(response, completed(message, page)), { tools: {} }, said);
}

describe('server/discover', () => {
  test('says what the upstreams say, and asks them again once that is over', async () => {
    let said: Said = { ttlMs: 0, cacheScope: 'public' };
    const upstream = await discovering(() => said);
    const fresh = await inFront({ up: { url: upstream.url } });
    expect(await hintsOf(fresh.url, 'server/discover')).toEqual([0, 'public']);
    const before = upstream.requestsOf('server/discover').length;
    said = { ttlMs: 600_000, cacheScope: 'public' };
    const [ttlMs, scope] = await hintsOf(fresh.url, 'server/discover');
    expect(Number(ttlMs)).toBeGreaterThan(400_000);
    expect(scope).toBe('public');
    await hintsOf(fresh.url, 'server/discover');
    expect(upstream.requestsOf('server/discover').length).toBe(before + 1);
    await fresh.kill();
  });

  test('is private as soon as one upstream is down', async () => {
    const upstream = await discovering(() => ({ ttlMs: 600_000, cacheScope: 'public' }));
    const gone = await discovering(() => ({}));
    await gone.server.stop();
    const fresh = await inFront({ up: { url: upstream.url }, gone: { url: gone.url } });
    expect(await hintsOf(fresh.url, 'server/discover')).toEqual([0, 'private']);
    await fresh.kill();
  });
});

test('what an upstream says of a resource reaches the client as it is', async () => {
  let said: Said = {};
  const upstream = await startModern(
    (message: Rpc, response) =>
      sayJson(response, completed(message, { contents: [{ uri: 'x:y', text: '' }], ...said })),
    { resources: {} },
  );
  const fresh = await inFront({ up: { url: upstream.url } });
  for (const [given, told] of [
    [{ ttlMs: 700, cacheScope: 'public' }, [700, 'public']],
    [{ ttlMs: 700, cacheScope: 'private' }, [700, 'private']],
    [{}, [0, 'private']],
  ] as const) {
    said = given;
    expect(await hintsOf(fresh.url, 'resources/read', { uri: 'up+x:y' })).toEqual(told);
  }
  await fresh.kill();
});
