/** The HTTP rules of the endpoint: statuses, headers, batches (2025-11-25 basic/transports; protocol.md A1–A6). */
import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Answer, PlainSession } from '../support/plain-client.ts';
import {
  initializeText,
  listenTo,
  messagesOf,
  openSession,
  openStream,
  posting,
  send,
} from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const pong = '{"jsonrpc":"2.0","id":1,"result":{}}';
const json = 'application/json';
const both = 'application/json, text/event-stream';

let gateway: GatewayProcess;
let session: PlainSession;
let old: PlainSession;

beforeAll(async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  session = await openSession(gateway.url);
  old = await openSession(gateway.url, { revision: '2025-03-26' });
});

const withHeaders = (...headers: string[]): Promise<Answer> =>
  send(gateway.url, { headers: [...headers, 'Mcp-Session-Id', session.token], body: ping });
const faultOf = (answer: Answer): unknown[] => [answer.status, messagesOf(answer)[0]?.error?.code];

describe('Accept', () => {
  for (const accept of [
    both,
    'text/event-stream,application/json',
    'TEXT/EVENT-STREAM ; q=0.5 , Application/JSON;charset=utf-8',
    '*/*',
    'application/*, text/*',
    'application/json, */*;q=0.1',
  ]) {
    test(`"${accept}" is enough for a POST`, async () => {
      expect((await withHeaders('Content-Type', json, 'Accept', accept)).status).toBe(200);
    });
  }

  for (const accept of [json, 'text/event-stream', 'text/*', '', 'application/jsonx, text/event-stream', 'html']) {
    test(`"${accept}" is 406`, async () => {
      expect(faultOf(await withHeaders('Content-Type', json, 'Accept', accept))).toEqual([406, -32000]);
    });
  }

  test('none is 406, and two lines are one list', async () => {
    expect((await withHeaders('Content-Type', json)).status).toBe(406);
    const two = await withHeaders('Content-Type', json, 'Accept', json, 'Accept', 'text/event-stream');
    expect(two.status).toBe(200);
  });

  test('a GET wants text/event-stream alone', async () => {
    const get = (accept: string): Promise<Answer> =>
      send(gateway.url, { method: 'GET', headers: ['Accept', accept, 'Mcp-Session-Id', session.token] });
    expect(faultOf(await get(json))).toEqual([406, -32000]);
    const stream = await listenTo(session);
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(stream.headers['cache-control']).toBe('no-cache, no-transform');
    expect(stream.headers['x-accel-buffering']).toBe('no');
    stream.close();
  });
});

describe('Content-Type', () => {
  for (const type of [
    json,
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    ' application/json ',
  ]) {
    test(`"${type}" is taken`, async () => {
      expect((await withHeaders('Content-Type', type, 'Accept', both)).status).toBe(200);
    });
  }

  for (const type of [
    'text/plain',
    'application/json-rpc',
    'text/plain; x=application/json',
    'application/jsonp',
    '',
  ]) {
    test(`"${type}" is 415`, async () => {
      expect(faultOf(await withHeaders('Content-Type', type, 'Accept', both))).toEqual([415, -32000]);
    });
  }

  test('none is 415, and so is a body that is compressed', async () => {
    expect((await withHeaders('Accept', both)).status).toBe(415);
    expect((await withHeaders('Accept', both, 'Content-Type', json, 'Content-Encoding', 'gzip')).status).toBe(415);
    expect((await withHeaders('Accept', both, 'Content-Type', json, 'Content-Encoding', 'identity')).status).toBe(200);
  });
});

describe('MCP-Protocol-Version', () => {
  const versioned = (from: PlainSession, ...version: string[]): Promise<Answer> =>
    send(gateway.url, { headers: posting('Mcp-Session-Id', from.token, ...version), body: ping });

  test('that of the session, or none, is taken', async () => {
    expect((await versioned(session, 'MCP-Protocol-Version', '2025-11-25')).status).toBe(200);
    expect((await versioned(session)).status).toBe(200);
    expect((await versioned(old)).status).toBe(200);
  });

  for (const version of ['2024-11-05', '1999-01-01', 'latest', '2025-11-25 ,2025-06-18']) {
    test(`"${version}" is 400`, async () => {
      expect(faultOf(await versioned(session, 'MCP-Protocol-Version', version))).toEqual([400, -32000]);
    });
  }

  test('a supported one that is not that of the session is 400', async () => {
    expect(faultOf(await versioned(session, 'MCP-Protocol-Version', '2025-06-18'))).toEqual([400, -32000]);
  });

  test('it stands once', async () => {
    const twice = ['MCP-Protocol-Version', '2025-11-25', 'mcp-protocol-version', '2025-11-25'];
    expect((await versioned(session, ...twice)).status).toBe(400);
  });
});

describe('Host and Origin (2025-11-25 transports §Security Warning)', () => {
  const from = (...headers: string[]): Promise<Answer> =>
    send(gateway.url, { headers: posting(...headers), body: ping });

  for (const host of ['localhost', 'localhost:1', '127.0.0.1:99', '[::1]', 'LOCALHOST:1975']) {
    test(`Host "${host}" is let in on loopback`, async () => {
      expect((await from('Host', host)).status).toBe(200);
    });
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    'evil.example:1975',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '',
  ]) {
    test(`Host "${host}" is 403`, async () => {
      expect((await from('Host', host)).status).toBe(403);
    });
  }
  for (const origin of ['http://localhost:6274', 'https://localhost', 'http://127.0.0.1', 'http://[::1]:80']) {
    test(`Origin "${origin}" is let in on loopback`, async () => {
      expect((await from('Origin', origin)).status).toBe(200);
    });
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://',
    'http://localhost@evil.example',
    '',
  ]) {
    test(`Origin "${origin}" is 403, whatever the verb`, async () => {
      expect(faultOf(await from('Origin', origin))).toEqual([403, -32000]);
      for (const method of ['GET', 'DELETE', 'OPTIONS']) {
        const answer = await send(gateway.url, {
          method,
          headers: ['Origin', origin, 'Accept', 'text/event-stream', 'Mcp-Session-Id', session.token],
        });
        expect([method, answer.status]).toEqual([method, 403]);
      }
    });
  }

  test('what the command allows is let in, and nothing beside it', async () => {
    const alpha = await startStatefulServer({ name: 'alpha' });
    const open = await startGateway({
      config: { mcpServers: { alpha: { url: alpha.url } } },
      args: ['--allowed-hosts', 'gw.example,exact.example:8443', '--allowed-origins', 'https://app.example'],
      admin: false,
    });
    const status = async (...headers: string[]): Promise<number> =>
      (await send(open.url, { headers: posting(...headers), body: ping })).status;
    expect(await status('Host', 'gw.example:1')).toBe(200);
    expect(await status('Host', 'exact.example:8443')).toBe(200);
    expect(await status('Host', 'exact.example:1')).toBe(403);
    expect(await status('Origin', 'https://app.example')).toBe(200);
    expect(await status('Origin', 'http://app.example')).toBe(403);
    expect(await status('Origin', 'https://app.example:8443')).toBe(403);
  });
});

describe('verbs and paths', () => {
  for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD']) {
    test(`${method} is 405 and names those that are allowed`, async () => {
      const answer = await send(gateway.url, { method, headers: [] });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST, DELETE']);
    });
  }

  test('another path is 404, and a query changes nothing', async () => {
    const { origin } = new URL(gateway.url);
    for (const path of ['/', '/mcp/', '/mcp2', '/MCP', '/.well-known/nothing']) {
      const answer = await send(`${origin}${path}`, { headers: posting(), body: ping });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    const answer = await send(`${gateway.url}?a=b`, { headers: posting(), body: ping });
    expect([answer.status, answer.body]).toEqual([200, pong]);
  });

  test('DELETE without a session is 400', async () => {
    expect(faultOf(await send(gateway.url, { method: 'DELETE', headers: [] }))).toEqual([400, -32000]);
  });

  test('no answer names the software that made it', async () => {
    for (const answer of [
      await send(gateway.url, { headers: posting(), body: ping }),
      await send(`${new URL(gateway.url).origin}/nowhere`, { method: 'GET', headers: [] }),
    ]) {
      expect(answer.headers['server']).toBeUndefined();
      expect(answer.headers['x-powered-by']).toBeUndefined();
    }
  });
});

describe('messages', () => {
  test('a notification is 202 without a body', async () => {
    const answer = await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([202, '', undefined]);
  });

  test('an answer to nothing is 400', async () => {
    expect(faultOf(await session.post('{"jsonrpc":"2.0","id":1,"result":{}}'))).toEqual([400, -32600]);
  });

  test('`initialize` on a session that is open begins another', async () => {
    const answer = await session.post(initializeText());
    expect(answer.status).toBe(200);
    expect(answer.headers['mcp-session-id']).not.toBe(session.token);
  });
});

describe('batches', () => {
  const batch = `[${ping},{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":"two","method":"tools/call","params":{"name":"alpha__echo","arguments":{"x":1}}}]`;

  test('of 2025-03-26 are answered with one response for each request', async () => {
    const answer = await old.post(batch);
    expect(answer.status).toBe(200);
    const messages = messagesOf(answer);
    expect(messages.map(({ id }) => id).toSorted()).toEqual([1, 'two']);
    expect(messages.find(({ id }) => id === 'two')?.result?.['structuredContent']).toEqual({ x: 1 });
  });

  test('of notifications alone are 202', async () => {
    const one = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    const answer = await old.post(`[${one},${one}]`);
    expect([answer.status, answer.body]).toEqual([202, '']);
  });

  test('a request in one that fails does not touch the others', async () => {
    const answer = await old.post(
      `[${ping},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nothing"}}]`,
    );
    const codes = messagesOf(answer).map(({ id, error }) => [id, error?.code]);
    expect(codes.toSorted()).toEqual([
      [1, undefined],
      [2, -32602],
    ]);
  });

  test('of later revisions are 400', async () => {
    const middle = await openSession(gateway.url, { revision: '2025-06-18' });
    for (const each of [session, middle]) expect(faultOf(await each.post(batch))).toEqual([400, -32600]);
  });

  test('that are empty, hold `initialize`, or hold what is no message are 400', async () => {
    for (const body of ['[]', `[${initializeText()}]`, `[${ping},${initializeText()}]`, '[1]', `[${ping},{}]`]) {
      expect([body, ...faultOf(await old.post(body))]).toEqual([body, 400, -32600]);
    }
  });

  test('hold 100 messages and no more', async () => {
    const of = (count: number): string => `[${Array.from({ length: count }, () => ping).join()}]`;
    expect((await old.post(of(100))).status).toBe(200);
    expect((await old.post(of(101))).status).toBe(400);
  });
});

describe('bounds (security.md T20, R10)', () => {
  test('99 headers are let through, 100 are 431', async () => {
    const fillers = (count: number): string[] => Array.from({ length: count }, (_, at) => [`X-${at}`, 'v']).flat();
    // Host, Content-Type, Accept, Content-Length and the connection's own make up the rest.
    const statusWith = async (count: number): Promise<number> =>
      (await send(gateway.url, { headers: posting('Connection', 'close', ...fillers(count - 5)), body: ping })).status;
    expect(await statusWith(99)).toBe(200);
    expect(await statusWith(100)).toBe(431);
    expect(await statusWith(1_000)).toBe(431);
  });

  test('a chunked body that grows over 4 MiB is 413, and the connection ends', async () => {
    const { hostname, port } = new URL(gateway.url);
    const sending = request({
      hostname,
      port,
      path: '/mcp',
      method: 'POST',
      headers: ['Host', 'localhost', ...posting(), 'Transfer-Encoding', 'chunked'],
    });
    sending.on('error', () => {});
    const answered = once(sending, 'response');
    for (let sent = 0; sent < 5; sent += 1) sending.write(Buffer.alloc(1_048_576, 0x20));
    const [response] = (await answered) as [import('node:http').IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
    response.resume();
    sending.end();
    await once(sending, 'close');
  });

  test('a client that never stops sending is cut off after a while', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 9999999999\r\n\r\n',
    );
    let said = '';
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const closed = once(socket, 'close');
    const trickle = setInterval(() => socket.write('x'.repeat(1_000)), 50);
    await closed;
    clearInterval(trickle);
    expect(said).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('a session has 32 GET streams, the next is 429, and one that is closed makes room', async () => {
    const busy = await openSession(gateway.url);
    const streams = await Promise.all(Array.from({ length: 32 }, () => listenTo(busy)));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await listenTo(busy);
    expect(refused.status).toBe(429);
    for (const stream of streams.slice(1)) stream.close();
    await expect.poll(async () => (await listenTo(busy)).status).toBe(200);
    streams[0]?.close();
  });
});

test('while the process drains new work is 503 with Retry-After, never 404, and what is under way ends well', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const leaving = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const own = await openSession(leaving.url);
  const stream = await listenTo(own);
  const call = await openStream(leaving.url, {
    headers: posting('Mcp-Session-Id', own.token),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"alpha__slow","arguments":{"times":1,"everyMs":800}}}',
  });
  const exited = leaving.kill('SIGTERM');
  await stream.ended;
  const refused = await send(leaving.url, { headers: posting('Mcp-Session-Id', own.token), body: ping }).catch(
    (fault: NodeJS.ErrnoException) => fault.code,
  );
  // A replica may refuse connections or answer; it must not say that the session is gone.
  if (typeof refused === 'object') expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
  else expect(refused).toBe('ECONNREFUSED');
  const { result } = await call.until(({ id }) => id === 1);
  expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
  expect((await exited).code).toBe(0);
});
