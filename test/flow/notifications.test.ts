/** Notifications in both directions, each to whom it concerns (2025-11-25 basic/index §Notifications). */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { OpenStream, PlainSession, Rpc } from '../support/plain-client.ts';
import { listenTo, openSession, openStream, posting } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../support/scripted-upstream.ts';
import type { StatefulServer } from '../support/stateful-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

let alpha: StatefulServer;
let scripted: RawServer;
let gateway: GatewayProcess;
let session: PlainSession;
/** Notifications and answers that the scripted upstream got. */
const heard: Rpc[] = [];
/** The levels that it was told. */
const levels: unknown[] = [];

beforeAll(async () => {
  alpha = await startStatefulServer({ name: 'alpha' });
  scripted = await startScripted(
    (message, response) => {
      if (message.method === 'logging/setLevel') levels.push(message.params?.['level']);
      if (message.params?.['name'] !== 'progress') {
        sayJson(response, resultOf(message, {}));
        return;
      }
      const say = sayEvents(response);
      say(
        '{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"_meta":{"progressToken":12345678901234567890},"messages":[],"maxTokens":1}}',
      );
      scriptedAnswers.push(() => {
        say(resultOf(message, { content: [] }));
        response.end();
      });
    },
    {
      sessionId: 'scripted-1',
      capabilities: { tools: {}, logging: {} },
      heard: (message) => {
        heard.push(message);
        if (message.id === 7) scriptedAnswers.shift()?.();
      },
    },
  );
  gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, scripted: { url: scripted.url } } },
    admin: false,
  });
});
const scriptedAnswers: (() => void)[] = [];

beforeEach(async () => {
  heard.length = 0;
  levels.length = 0;
  session = await openSession(gateway.url, { capabilities: { sampling: {}, roots: { listChanged: true } } });
});

function call(name: string, params: object = {}, id: unknown = 1): Promise<OpenStream> {
  return openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, ...params } }),
  });
}

test('each upstream is told `initialized` once a session, at the end of its own handshake', async () => {
  expect(heard.filter(({ method }) => method === 'notifications/initialized')).toHaveLength(1);
  await session.ask('tools/call', { name: 'scripted__x' });
  expect(heard).toHaveLength(1);
});

test('progress and log messages arrive before the result, in order, under the token of the client', async () => {
  const slow = await call('alpha__slow', { arguments: { times: 2, everyMs: 1 }, _meta: { progressToken: 'mine' } });
  await slow.ended;
  expect(slow.messages.map(({ method, params }) => [method, params?.['progressToken'], params?.['progress']])).toEqual([
    ['notifications/progress', 'mine', 1],
    ['notifications/progress', 'mine', 2],
    [undefined, undefined, undefined],
  ]);
  const log = await call('alpha__log', { arguments: { times: 2 } });
  await log.ended;
  expect(log.messages.map(({ method, params }) => params?.['data'] ?? method ?? 'result')).toEqual([
    'line 1',
    'line 2',
    'result',
  ]);
});

test('progress leaves at once: it is there while the call still runs', async () => {
  const slow = await call('alpha__slow', { arguments: { times: 2, everyMs: 2_000 }, _meta: { progressToken: 1 } });
  await slow.until(({ method }) => method === 'notifications/progress');
  expect(slow.messages).toHaveLength(1);
  slow.close();
});

test('`cancelled` of a client ends its call at the upstream, from any connection', async () => {
  await call('alpha__slow', { arguments: { times: 1, everyMs: 60_000 } }, 77);
  const before = alpha.cancelled.length;
  const { status } = await session.post(
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77,"reason":"enough"}}',
  );
  expect(status).toBe(202);
  await expect.poll(() => alpha.cancelled.length).toBe(before + 1);
});

test('`cancelled` of another session with the same id leaves the call alone', async () => {
  const mine = await call('alpha__slow', { arguments: { times: 1, everyMs: 300 } }, 78);
  const other = await openSession(gateway.url);
  await other.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":78}}');
  const { result } = await mine.until(({ id }) => id === 78);
  expect(result?.['content']).toEqual([{ type: 'text', text: 'done after 1' }]);
});

test('`roots/list_changed` and what nobody knows go to every upstream of the session', async () => {
  await session.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
  await session.post('{"jsonrpc":"2.0","method":"notifications/odd","params":{"x":1}}');
  await expect
    // The two of the client are requests of their own, so one may overtake the other.
    .poll(() => {
      const [first, ...others] = heard.map(({ method }) => String(method));
      return [first, ...others.toSorted()];
    })
    .toEqual(['notifications/initialized', 'notifications/odd', 'notifications/roots/list_changed']);
});

test('`logging/setLevel` goes to every upstream that logs, and is answered with an empty result', async () => {
  expect((await session.ask('logging/setLevel', { level: 'warning' })).result).toEqual({});
  expect(levels).toEqual(['warning']);
});

test('progress of the client finds the upstream that asked, under that upstream’s own token', async () => {
  const stream = await call('scripted__progress');
  const asked = await stream.until(({ method }) => method === 'sampling/createMessage');
  const { progressToken } = asked.params!['_meta'] as { progressToken: unknown };
  expect(progressToken).toEqual(expect.stringMatching(/^[A-Za-z0-9_-]{30,}$/));
  await session.post(
    JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }),
  );
  await expect.poll(() => heard.some(({ method }) => method === 'notifications/progress')).toBe(true);
  const sent = scripted.requests.findLast(({ body }) => body.includes('notifications/progress'));
  expect(sent?.body.toString()).toContain('"progressToken":12345678901234567890,');
  await session.post(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: {} }));
  await stream.until(({ id }) => id === 1);
});

test('an update of a subscribed resource arrives on the GET stream under its URI at the gateway', async () => {
  const stream = await listenTo(session);
  await session.ask('resources/subscribe', { uri: 'alpha+memo://today' });
  await expect.poll(() => alpha.requests.filter(({ method }) => method === 'GET').length).toBeGreaterThan(0);
  await expect
    .poll(async () => {
      await alpha.touch('memo://today');
      return stream.messages.at(-1)?.params;
    })
    .toEqual({ uri: 'alpha+memo://today' });
  expect((await session.ask('resources/unsubscribe', { uri: 'alpha+memo://today' })).result).toEqual({});
  expect(await alpha.touch('memo://today')).toBe(0);
  stream.close();
});

const told = ({ method }: Rpc): boolean => method === 'notifications/tools/list_changed';

test('a change of an upstream’s list arrives on every GET stream of its sessions', async () => {
  const [one, two] = [await listenTo(session), await listenTo(await openSession(gateway.url))];
  await expect
    .poll(async () => {
      await alpha.changed('tools');
      return one.messages.some(told) && two.messages.some(told);
    })
    .toBe(true);
  one.close();
  two.close();
});
