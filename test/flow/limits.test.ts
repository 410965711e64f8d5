/** Limits of one backend, through the real command: time, further attempts, the breaker, and calls at once. */
import { describe, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession, Rpc } from '../support/plain-client.ts';
import { openSession } from '../support/plain-client.ts';
import { dribble } from '../support/raw-server.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayEvents, sayJson, startScripted, type Script } from '../support/scripted-upstream.ts';

const broken: Script = (_message, response) => void response.destroy();

/** Answers a call of the tool `t`; lists it otherwise. */
function serving(call: Script, list?: Script): Script {
  return async (message, response, request) => {
    if (message.method === 'tools/call') await call(message, response, request);
    else if (list !== undefined) await list(message, response, request);
    else sayList(message, response);
  };
}

function sayList(message: Rpc, response: ServerResponse): void {
  sayJson(response, resultOf(message, { tools: [{ name: 't', inputSchema: { type: 'object' } }] }));
}

function sayOk(message: Rpc, response: ServerResponse): void {
  sayJson(response, resultOf(message, { content: [] }));
}

async function limited(server: RawServer | { url: string }, limits: object): Promise<GatewayProcess> {
  const config = { mcpServers: { up: { url: server.url } }, manifold: { backends: { up: limits } } };
  return await startGateway({ config });
}

async function call(session: PlainSession): Promise<string> {
  const { error } = await session.ask('tools/call', { name: 'up__t' });
  return error?.message ?? 'ok';
}

async function metric({ adminUrl }: GatewayProcess, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

function callsAt(server: RawServer, method = 'tools/call'): number {
  return server.requests.filter(({ json }) => (json as Rpc | undefined)?.method === method).length;
}

const late = 'Upstream server did not answer in time';

describe('time', () => {
  test('until the head of the answer is bounded by `firstByte`, and the body may take longer', async () => {
    let isSlow = true;
    const server = await startScripted(
      serving(async (message, response, request) => {
        if (isSlow) return;
        await dribble(resultOf(message, { content: [] }), 20)(request, response);
      }),
    );
    const gateway = await limited(server, { timeouts: { firstByte: '1s' } });
    const session = await openSession(gateway.url);
    expect(await call(session)).toBe(late);
    isSlow = false;
    expect(await call(session)).toBe('ok');
  });

  test('of a whole call is bounded by `call`, whatever its progress, and the server is told', async () => {
    const heard: string[] = [];
    const server = await startScripted(
      serving(async (_message, response) => {
        const say = sayEvents(response);
        for (let n = 0; n < 100 && !response.destroyed; n++) {
          say(
            JSON.stringify({
              jsonrpc: '2.0',
              method: 'notifications/progress',
              params: { progressToken: 1, progress: n },
            }),
          );
          await sleep(50);
        }
      }),
      { heard: ({ method = '' }) => void heard.push(method) },
    );
    const gateway = await limited(server, { timeouts: { call: '500ms' } });
    const session = await openSession(gateway.url);
    expect(await call(session)).toBe(late);
    await expect.poll(() => heard).toContain('notifications/cancelled');
  });
});

describe('further attempts', () => {
  const retries = { attempts: 2, baseDelay: '100ms', maxDelay: '100ms' };

  test('are made of a read whose connection breaks, and whose answer is 503, and counted', async () => {
    let tries = 0;
    const server = await startScripted(
      serving(sayOk, (message, response) => {
        tries++;
        if (tries === 1) response.destroy();
        else if (tries === 2) response.writeHead(503, { 'content-type': 'text/plain' }).end('later');
        else sayList(message, response);
      }),
    );
    const gateway = await limited(server, { retries });
    const session = await openSession(gateway.url);
    const { result } = await session.ask('tools/list');
    expect(result?.['tools']).toHaveLength(1);
    expect(await metric(gateway, 'manifold_upstream_retries_total')).toBe(2);
  });

  test('end with the last answer, and are never made of a call that may have been sent', async () => {
    const server = await startScripted(serving(broken, broken));
    const gateway = await limited(server, { retries });
    const session = await openSession(gateway.url);
    expect((await session.ask('resources/read', { uri: 'up+x://y' })).error?.code).toBe(-32603);
    expect(callsAt(server, 'resources/read')).toBe(3);
    expect(await call(session)).not.toBe('ok');
    expect(callsAt(server)).toBe(1);
  });

  test('are made of a call that was never sent, as its server was not there', async () => {
    const server = await startScripted(serving(sayOk));
    const gateway = await limited(server, { retries: { attempts: 8, baseDelay: '200ms', maxDelay: '500ms' } });
    const session = await openSession(gateway.url);
    await server.stop();
    const calling = call(session);
    await expect.poll(() => metric(gateway, 'manifold_upstream_retries_total')).toBeGreaterThan(0);
    await server.restart();
    expect(await calling).toBe('ok');
    expect(callsAt(server)).toBe(1);
  });
});

describe('the breaker', () => {
  const open = 'Upstream server has failed too often and is not called for now';

  test('opens after failures in a row: nothing is sent, 503 with Retry-After, until one try succeeds', async () => {
    let isBroken = true;
    const server = await startScripted(
      serving((message, response) => {
        if (isBroken) response.writeHead(503).end();
        else sayOk(message, response);
      }),
    );
    const gateway = await limited(server, { breaker: { failures: 3, open: '3s' } });
    const session = await openSession(gateway.url);
    for (let n = 0; n < 3; n++) expect(await call(session)).not.toBe(open);
    expect(await metric(gateway, 'manifold_upstream_breakers_open')).toBe(1);
    const before = callsAt(server);
    const body = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"up__t"}}';
    const answer = await session.post(body);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: { code: -32603, message: open },
    });
    expect(callsAt(server)).toBe(before);
    expect(await metric(gateway, 'manifold_upstream_limited_total')).toBeGreaterThan(0);
    isBroken = false;
    await expect.poll(() => call(session), { interval: 200 }).toBe('ok');
    expect(await metric(gateway, 'manifold_upstream_breakers_open')).toBe(0);
  });
});

describe('calls at once', () => {
  test('are bounded, the next ones wait in their order, and beyond the queue there is 503', async () => {
    const held: (() => void)[] = [];
    const server = await startScripted(serving((message, response) => void held.push(() => sayOk(message, response))));
    const gateway = await limited(server, { concurrency: { calls: 1, queue: 1 } });
    const session = await openSession(gateway.url);
    const first = call(session);
    await expect.poll(() => held.length).toBe(1);
    const second = call(session);
    await expect.poll(() => metric(gateway, 'manifold_upstream_waiting')).toBe(1);
    expect(await call(session)).toBe('Upstream server has too many calls');
    expect(callsAt(server)).toBe(1);
    held.shift()!();
    expect(await first).toBe('ok');
    await expect.poll(() => held.length).toBe(1);
    held.shift()!();
    expect([await second, await metric(gateway, 'manifold_upstream_waiting')]).toEqual(['ok', 0]);
  });

  test('do not hold back what belongs to a call under way', async () => {
    const answered: unknown[] = [];
    const server = await startScripted(
      serving((message, response) => {
        const say = sayEvents(response);
        say(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }));
        const wait = setInterval(() => {
          if (answered.length === 0) return;
          clearInterval(wait);
          say(resultOf(message, { content: [] }));
          response.end();
        }, 20);
      }),
      { heard: ({ id, method }) => method === undefined && void answered.push(id) },
    );
    const gateway = await limited(server, { concurrency: { calls: 1 } });
    expect(await call(await openSession(gateway.url))).toBe('ok');
  });
});
