/** Which era an upstream is spoken to in when it fails, is silent or changes its mind (2026-07-28 basic/versioning). */
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { completed, sayError } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, scripted } from '../../support/scripted-upstream.ts';

type Answer = (message: Rpc, response: ServerResponse) => void;

/** How an upstream answers in each era; both can be changed. */
interface Speaking {
  discover: Answer;
  modernCall: Answer;
  initialize: 'answers' | Answer;
}

interface Upstream extends Speaking {
  readonly server: RawServer;
  /** How often a method has arrived, in either era. */
  count(method: string): number;
}

const silent: Answer = () => {};
const status =
  (code: number): Answer =>
  (_message, response) =>
    void response.writeHead(code).end();
const era = (name: string): object => ({ content: [{ type: 'text', text: name }] });
const isModern: Answer = (message, response) => sayJson(response, completed(message, era('modern')));
const discovers: Answer = (message, response) =>
  sayJson(
    response,
    completed(message, {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      ttlMs: 0,
      cacheScope: 'private',
    }),
  );
const refusesRevision =
  (supported: unknown): Answer =>
  (message, response) =>
    sayError(response, message, 400, { code: -32_022, message: 'no', data: { supported, requested: '2026-07-28' } });

const late: Answer = (message, response) =>
  void setTimeout(() => {
    response.setHeader('mcp-session-id', 's1');
    sayJson(response, resultOf(message, { protocolVersion: '2025-11-25', capabilities: { tools: {} } }));
  }, 1_300);
const others: Answer = (message, response) =>
  sayJson(response, completed(message, { supportedVersions: ['2027-01-01', '2025-06-18'], capabilities: {} }));

const keepsSessions = scripted(
  (message, response) => sayJson(response, resultOf(message, { ...era('legacy'), tools: [] })),
  { sessionId: 's1' },
);

async function speaking(how: Speaking): Promise<Upstream> {
  const upstream: Upstream = {
    ...how,
    server: await startRawServer(async (request, response) => {
      const message = (request.json ?? {}) as Rpc;
      if (message.method === 'server/discover') upstream.discover(message, response);
      else if (request.headers['mcp-method'] !== undefined) upstream.modernCall(message, response);
      else if (message.method === 'initialize' && upstream.initialize !== 'answers')
        upstream.initialize(message, response);
      else await keepsSessions(request, response);
    }),
    count: (method) =>
      upstream.server.requests.filter(({ json }) => (json as Rpc | undefined)?.method === method).length,
  };
  return upstream;
}

async function inFront({ server }: Upstream): Promise<GatewayProcess> {
  const config = { mcpServers: { up: { url: server.url } } };
  return await startGateway({ config, args: ['--init-timeout', '2s'], admin: false });
}

/** The era that a call of a modern client was answered in, or the code of its error. */
async function called(url: string): Promise<unknown> {
  const { rpc } = await askModern(url, 'tools/call', { params: { name: 'up__x' } });
  return rpc.error?.code ?? ((rpc.result?.['content'] ?? []) as { text: string }[])[0]?.text;
}

describe('silence and faults are no evidence of an era', () => {
  for (const [what, discover] of [
    ['is silent', silent],
    ['answers 503', status(503)],
  ] as const) {
    test(`an upstream that ${what} to server/discover is spoken to in the other era, for as long as it does`, async () => {
      const upstream = await speaking({ discover, modernCall: isModern, initialize: 'answers' });
      const gateway = await inFront(upstream);
      expect(await called(gateway.url)).toBe('legacy');
      upstream.discover = discovers;
      // A client with other capabilities has an upstream session of its own.
      const { rpc } = await askModern(gateway.url, 'tools/call', {
        params: { name: 'up__x' },
        capabilities: { roots: {} },
      });
      expect(rpc.result).toMatchObject(era('modern'));
      await gateway.kill();
    });

    test(`an upstream that ${what} to initialize is spoken to in the other era`, async () => {
      const upstream = await speaking({ discover: discovers, modernCall: isModern, initialize: discover });
      const gateway = await inFront(upstream);
      const session = await openSession(gateway.url);
      expect((await session.ask('tools/call', { name: 'up__x' })).result).toMatchObject(era('modern'));
      await gateway.kill();
    });
  }

  test('of two openings that both come to something one is used and the other ended', async () => {
    const upstream = await speaking({ discover: discovers, modernCall: isModern, initialize: late });
    const gateway = await inFront(upstream);
    const session = await openSession(gateway.url);
    expect((await session.ask('tools/call', { name: 'up__x' })).result).toMatchObject(era('modern'));
    const ended = (): number => upstream.server.requests.filter(({ method }) => method === 'DELETE').length;
    await expect.poll(ended, { timeout: 10_000 }).toBeGreaterThan(0);
    await gateway.kill();
  });

  for (const code of [401, 403]) {
    test(`nor is ${code}, and it is not tried in the other era`, async () => {
      const upstream = await speaking({ discover: status(code), modernCall: isModern, initialize: 'answers' });
      const gateway = await inFront(upstream);
      const before = upstream.count('initialize');
      expect(await called(gateway.url)).toBe(-32603);
      expect(upstream.count('initialize')).toBe(before);
      await gateway.kill();
    });
  }
});

describe('an upstream that has proved to be modern', () => {
  for (const [what, failing] of [
    ['503', status(503)],
    ['404', status(404)],
    ['silence', silent],
  ] as const) {
    for (const speaks of ['both eras', 'this one alone']) {
      test(`and speaks ${speaks} is not taken for an older one after ${what}`, async () => {
        const initialize = speaks === 'both eras' ? 'answers' : status(400);
        const upstream = await speaking({ discover: discovers, modernCall: isModern, initialize });
        const gateway = await inFront(upstream);
        expect(await called(gateway.url)).toBe('modern');
        const modernCall = refusesRevision(['2026-07-28']);
        Object.assign(upstream, { discover: failing, modernCall, initialize: 'answers' });
        const before = upstream.count('initialize');
        expect(await called(gateway.url)).toBe(-32603);
        expect(upstream.count('initialize')).toBe(before);
        await gateway.kill();
      });
    }
  }

  test('and says that it speaks revisions with sessions alone is spoken to in those, within the same call', async () => {
    const upstream = await speaking({ discover: discovers, modernCall: isModern, initialize: status(400) });
    const gateway = await inFront(upstream);
    expect(await called(gateway.url)).toBe('modern');
    const refuses = refusesRevision(['2025-11-25']);
    Object.assign(upstream, { discover: refuses, modernCall: refuses, initialize: 'answers' });
    expect(await called(gateway.url)).toBe('legacy');
    await gateway.kill();
  });

  test('and refuses its revision at each call is asked twice, and no more', async () => {
    const upstream = await speaking({
      discover: discovers,
      modernCall: refusesRevision(['2026-07-28']),
      initialize: status(400),
    });
    const gateway = await inFront(upstream);
    const before = upstream.count('tools/call');
    expect(await called(gateway.url)).toBe(-32603);
    expect(upstream.count('tools/call')).toBe(before + 2);
    await gateway.kill();
  });
});

test('a discover result that names other revisions alone does not prove that this one is spoken', async () => {
  const upstream = await speaking({ discover: others, modernCall: isModern, initialize: 'answers' });
  const gateway = await inFront(upstream);
  expect(await called(gateway.url)).toBe('legacy');
  await gateway.kill();
});

test('an upstream that was of the session era and is replaced by one of 2026-07-28 is spoken to in that', async () => {
  const upstream = await speaking({ discover: status(400), modernCall: isModern, initialize: 'answers' });
  const gateway = await inFront(upstream);
  expect(await called(gateway.url)).toBe('legacy');
  Object.assign(upstream, { discover: discovers, initialize: status(400) });
  const { rpc } = await askModern(gateway.url, 'tools/call', {
    params: { name: 'up__x' },
    capabilities: { roots: {} },
  });
  expect(rpc.result).toMatchObject(era('modern'));
  await gateway.kill();
});
