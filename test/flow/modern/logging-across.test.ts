/**
 * Log messages where client and upstream are of different eras, through real peers of both (server/utilities/logging of 2025-11-25
 * and 2026-07-28).
 */
import { fileURLToPath } from 'node:url';
import type { LoggingMessageNotification } from '@modelcontextprotocol/sdk/types.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { ModernServer } from '../../support/modern-server.ts';
import { startModernServer } from '../../support/modern-server.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const logLevel = 'io.modelcontextprotocol/logLevel';
const levelsOf = (messages: readonly Rpc[]): unknown[] =>
  messages.filter(({ method }) => method === 'notifications/message').map(({ params }) => params?.['level']);

describe('a client of 2025-11-25 at an upstream of 2026-07-28', () => {
  let modern: ModernServer;
  let raw: ModernUpstream;
  let one: GatewayProcess;
  let two: GatewayProcess;

  beforeAll(async () => {
    modern = await startModernServer();
    raw = await startModern((message, response) => sayJson(response, completed(message, { content: [] })), {
      tools: {},
      logging: {},
    });
    const silent = await startModern((message, response) => sayJson(response, completed(message, { content: [] })));
    const config = { mcpServers: { new: { url: modern.url }, raw: { url: raw.url }, silent: { url: silent.url } } };
    const keysFile = await makeKeysFile();
    one = await startGateway({ config, keysFile, admin: false, args: ['--workers', '2'] });
    two = await startGateway({ config, keysFile, admin: false, args: ['--peers', new URL(one.url).host] });
  });

  const all = { levels: ['debug', 'info', 'warning', 'error'] };

  test('is offered logging and hears, with each call, what is as grave as it has said, and info before that', async () => {
    const heard: LoggingMessageNotification['params'][] = [];
    const { client } = await sdkClient(two.url);
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(params));
    expect(client.getServerCapabilities()?.logging).toEqual({});
    await client.callTool({ name: 'new__log', arguments: all });
    expect(heard.splice(0).map(({ level }) => level)).toEqual(['info', 'warning', 'error']);
    await client.setLoggingLevel('error');
    await client.callTool({ name: 'new__log', arguments: all });
    expect(heard.splice(0)).toEqual([{ level: 'error', data: 'a line of error' }]);
    await client.setLoggingLevel('debug');
    await client.callTool({ name: 'new__log', arguments: all });
    expect(heard.map(({ level }) => level)).toEqual(all.levels);
  });

  test('has the same level at another replica, in each of its workers, once it has set it', async () => {
    const session = await openSession(two.url);
    await session.ask('logging/setLevel', { level: 'alert' });
    const other = await openSession(two.url);
    await expect
      .poll(async () => {
        const levels = new Set<unknown>();
        for (let asked = 0; asked < 4; asked += 1) {
          await session.at(one.url).ask('tools/call', { name: 'raw__do' });
          levels.add((raw.lastOf('tools/call').params['_meta'] as Record<string, unknown>)[logLevel]);
        }
        return [...levels];
      })
      .toEqual(['alert']);
    await other.at(one.url).ask('tools/call', { name: 'raw__do' });
    expect(raw.lastOf('tools/call').params['_meta']).toMatchObject({ [logLevel]: 'info' });
  });

  test('that sets a level nobody knows gets -32602, and keeps the one it had', async () => {
    const session = await openSession(two.url);
    await session.ask('logging/setLevel', { level: 'notice' });
    expect((await session.ask('logging/setLevel', { level: 'loud' })).error?.code).toBe(-32602);
    await session.ask('tools/call', { name: 'raw__do' });
    expect(raw.lastOf('tools/call').params['_meta']).toMatchObject({ [logLevel]: 'notice' });
  });

  test('without a session sets no level for the others that have none', async () => {
    const { rpc } = await askModern(two.url, 'server/discover');
    expect(rpc.result?.['capabilities']).toMatchObject({ logging: {} });
    const post = async (method: string, params: object): Promise<void> => {
      await fetch(two.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
    };
    await post('logging/setLevel', { level: 'debug' });
    await post('tools/call', { name: 'raw__do' });
    expect(raw.lastOf('tools/call').params['_meta']).toMatchObject({ [logLevel]: 'info' });
  });
});

describe('a client of 2026-07-28 at an upstream of 2025-11-25', () => {
  let gateway: GatewayProcess;
  let scripted: RawServer;
  /** Levels that the scripted upstream was set to, with the session. */
  const set: unknown[] = [];
  let sessions = 0;
  let lost: string | undefined;

  beforeAll(async () => {
    const legacy = await startStatefulServer({ name: 'legacy' });
    scripted = await startScripted(
      (message, response, { headers }) => {
        if (headers['mcp-session-id'] === lost) {
          response.writeHead(404).end();
          return;
        }
        if (message.method === 'logging/setLevel') {
          set.push([headers['mcp-session-id'], message.params?.['level']]);
          sayJson(response, resultOf(message, {}));
          return;
        }
        const say = sayEvents(response);
        for (const level of ['debug', 'warning', 'loud', 7])
          say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: 'x' } }));
        say(resultOf(message, { content: [] }));
        response.end();
      },
      {
        capabilities: { tools: {}, logging: {} },
        get sessionId() {
          sessions += 1;
          return `scripted-${sessions}`;
        },
      },
    );
    const stdio = {
      command: process.execPath,
      args: [fileURLToPath(new URL('../../support/logging-stdio-server.ts', import.meta.url))],
    };
    gateway = await startGateway({
      config: { mcpServers: { old: { url: legacy.url }, raw: { url: scripted.url }, pipe: stdio } },
      admin: false,
    });
  });

  const call = async (name: string, level?: string, args = {}): Promise<readonly Rpc[]> => {
    const meta = level === undefined ? {} : { [logLevel]: level };
    return (await askModern(gateway.url, 'tools/call', { params: { name, arguments: args }, meta })).messages;
  };

  const onPipe = async (): Promise<unknown> => levelsOf(await call('pipe__log', 'info'));

  test('that is the SDK’s own discovers logging, and hears what it asked for with the call', async () => {
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    closedAtTheEnd(() => client.close());
    const heard: unknown[] = [];
    client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params));
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)));
    expect(client.getServerCapabilities()?.logging).toEqual({});
    await client.callTool({ name: 'old__log', arguments: { times: 2 }, _meta: { [logLevel]: 'info' } });
    expect(heard).toEqual([
      { level: 'info', logger: 'fixture', data: 'line 1' },
      { level: 'info', logger: 'fixture', data: 'line 2' },
    ]);
  });

  test('hears nothing that it has not asked for, and nothing less grave', async () => {
    expect(levelsOf(await call('old__log'))).toEqual([]);
    expect(levelsOf(await call('old__log', 'warning', { level: 'info' }))).toEqual([]);
    expect(levelsOf(await call('old__log', 'warning', { level: 'error' }))).toEqual(['error']);
  });

  test('has the session made as verbose as it asks, once for each level, and no less so for the next', async () => {
    expect(levelsOf(await call('raw__do', 'warning'))).toEqual(['warning']);
    expect(levelsOf(await call('raw__do', 'error'))).toEqual([]);
    expect(levelsOf(await call('raw__do'))).toEqual([]);
    expect(levelsOf(await call('raw__do', 'debug'))).toEqual(['debug', 'warning']);
    expect(levelsOf(await call('raw__do', 'debug'))).toEqual(['debug', 'warning']);
    const [session] = set[0] as string[];
    expect(set).toEqual([
      [session, 'warning'],
      [session, 'debug'],
    ]);
    // A session that is opened in its place has said nothing yet.
    lost = session;
    set.length = 0;
    expect(levelsOf(await call('raw__do', 'error'))).toEqual([]);
    expect(set).toEqual([[`scripted-${sessions}`, 'error']]);
  });

  test('hears nothing of a pipe that several calls share, as nobody can tell whose it is', async () => {
    expect(await onPipe()).toEqual(['warning']);
    const { headers = [], body = '' } = modernRequest('tools/call', { params: { name: 'pipe__hold' } });
    const leaving = new AbortController();
    const names = headers.filter((_text, at) => at % 2 === 0);
    const pairs = names.map((name, at): [string, string] => [name, headers[at * 2 + 1] ?? '']);
    fetch(gateway.url, { method: 'POST', headers: pairs, body: body.toString(), signal: leaving.signal }).catch(
      () => {},
    );
    await expect.poll(onPipe).toEqual([]);
    leaving.abort();
    await expect.poll(onPipe).toEqual(['warning']);
  });
});
