/** `shared`: one process for all sessions of a principal, on which nothing of one client reaches another. */
import { expect, test } from 'vitest';
import {
  bridged,
  eventually,
  get,
  initialize,
  initializeBody,
  listen,
  post,
  request,
  stdioSpec,
} from '../../support/bridge-client.ts';
import { gated, type Gated } from '../../support/gated.ts';

async function shared(server: Gated) {
  server.open();
  const dropped: string[] = [];
  const { bridge } = await bridged([stdioSpec('shared', server.args, { shared: true })], {}, (_name, method) =>
    dropped.push(method),
  );
  const url = bridge.urlOf('shared');
  const open = async (principal = 'p'): Promise<string> => {
    await (await initialize(url, initializeBody, { 'manifold-principal': principal })).text();
    const answer = await post(url, initializeBody, undefined, { 'manifold-principal': principal });
    return answer.headers.get('mcp-session-id') ?? '';
  };
  return { url, open, dropped };
}

const call = (name: string, id: number, more: object = {}): string => request('tools/call', { name, ...more }, id);

async function told(
  url: string,
  session: string,
  name = 'pid',
): Promise<{ pid: number; levels: unknown[]; refused: number }> {
  const body = (await (await post(url, call(name, 1), session)).json()) as { result: { content: [{ text: string }] } };
  return JSON.parse(body.result.content[0].text) as { pid: number; levels: unknown[]; refused: number };
}

test('all sessions of a principal have one process, another principal another', async () => {
  const server = gated();
  const { url, open } = await shared(server);
  const [first, second, other] = [await open(), await open(), await open('q')];
  const pids = [await told(url, first), await told(url, second), await told(url, other)].map(({ pid }) => pid);
  expect(pids[0]).toBe(pids[1]);
  expect(pids[2]).not.toBe(pids[0]);
  expect(server.starts()).toHaveLength(2);
  // The end of a session is not the end of the others.
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': first } });
  expect((await post(url, request('ping'), first)).status).toBe(404);
  expect((await told(url, second)).pid).toBe(pids[0]);
});

test('equal ids and progress tokens of two sessions find their own', async () => {
  const { url, open, dropped } = await shared(gated());
  const meta = { _meta: { progressToken: 7 } };
  const streams = await Promise.all(
    [await open(), await open()].map((session) =>
      listen((signal) => post(url, call('progress', 5, meta), session, {}, signal)),
    ),
  );
  for (const stream of streams) {
    await stream.ended;
    const messages = stream.events.map(
      ({ data }) => JSON.parse(data) as { id?: number; params?: { progressToken: unknown } },
    );
    expect(messages.map(({ id, params }) => params?.progressToken ?? id)).toEqual([7, 5]);
  }
  expect(dropped).toEqual(['notifications/progress', 'notifications/progress']);
});

test('a log message reaches the only call under way, and nobody while there are several', async () => {
  const { url, open, dropped } = await shared(gated());
  const [first, second] = [await open(), await open()];
  const alone = await listen((signal) => post(url, call('log', 5), first, {}, signal));
  await alone.ended;
  expect(alone.events).toHaveLength(2);
  const abort = new AbortController();
  const waiting = post(url, call('never', 6), second, {}, abort.signal).catch(() => {});
  // Behind the other on the one pipe, once this is answered.
  await told(url, second);
  const stream = await listen(get(url, second));
  const answer = await post(url, call('log', 7), first);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(stream.events).toEqual([]);
  expect(dropped).toEqual(['notifications/message']);
  stream.close();
  abort.abort();
  await waiting;
});

test('changes of lists go to all, updates of a resource to those who watch it, and a server that asks is told that there is nobody', async () => {
  const { url, open } = await shared(gated());
  const [first, second] = [await open(), await open()];
  for (const session of [first, second]) await told(url, session);
  const streams = [await listen(get(url, first)), await listen(get(url, second))] as const;
  await post(url, request('resources/subscribe', { uri: 'x:1' }), first);
  await post(url, call('updated', 3), second);
  await post(url, call('changed', 4), second);
  await streams[0].until(2);
  await streams[1].until(1);
  const heard = streams.map(({ events }) => events.map(({ data }) => (JSON.parse(data) as { method: string }).method));
  expect(heard).toEqual([
    ['notifications/resources/updated', 'notifications/tools/list_changed'],
    ['notifications/tools/list_changed'],
  ]);
  await post(url, call('ask', 5), first);
  await eventually(() => streams[0].events.length === 2);
  expect((await told(url, first)).refused).toBe(1);
  for (const stream of streams) stream.close();
});

test('what one has had enough of, others still watch; the server hears of the last one only, also when its session ends', async () => {
  const { url, open } = await shared(gated());
  const [first, second] = [await open(), await open()];
  for (const session of [first, second]) await post(url, request('resources/subscribe', { uri: 'x:1' }), session);
  expect(await (await post(url, request('resources/unsubscribe', { uri: 'x:1' }), first)).json()).toMatchObject({
    result: {},
  });
  expect((await told(url, first)).levels).toEqual([]);
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': second } });
  expect((await told(url, first)).levels).toEqual(['x:1']);
});
