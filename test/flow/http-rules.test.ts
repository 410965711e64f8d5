/** The HTTP rules of the endpoint: statuses and headers (2025-11-25 basic/transports). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Answer, PlainSession } from '../support/plain-client.ts';
import { initializeText, listenTo, messagesOf, openSession, posting, send } from '../support/plain-client.ts';
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
const versioned = (from: PlainSession, ...version: string[]): Promise<Answer> =>
  send(gateway.url, { headers: posting('Mcp-Session-Id', from.token, ...version), body: ping });
const from = (...headers: string[]): Promise<Answer> => send(gateway.url, { headers: posting(...headers), body: ping });

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

  test('none is any, and two lines are one list', async () => {
    expect((await withHeaders('Content-Type', json)).status).toBe(200);
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

describe('Host and Origin (2025-11-25 basic/transports §Security Warning)', () => {
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
  for (const method of ['PUT', 'PATCH', 'HEAD']) {
    test(`${method} is 405 and names those that are allowed`, async () => {
      const answer = await send(gateway.url, { method, headers: [] });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST, DELETE, OPTIONS']);
    });
  }

  test('another path is 404, and a query changes nothing', async () => {
    const { origin } = new URL(gateway.url);
    for (const path of ['/', '/mcp//', '/mcp2', '/MCP', '/.well-known/nothing']) {
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
