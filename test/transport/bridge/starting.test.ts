/** What a client meets while servers start: nobody waits, nothing starts twice, nothing is ended in the middle of its start. */
import { expect, test } from 'vitest';
import {
  bridged,
  eventually,
  get,
  initialize,
  initializeBody,
  isAlive,
  listen,
  open,
  post,
  request,
  stdioSpec,
} from '../../support/bridge-client.ts';
import { gated, type Gated } from '../../support/gated.ts';
import type { BridgeLimits } from '../../../src/transport/bridge/limits.ts';

/** Enough for a process of Node to start on a busy machine. */
const startMs = 4_000;
const fast: Partial<BridgeLimits> = { startPatienceMs: 50, warmAfterMs: 0 };
const otherClient = initializeBody.replace('{"sampling":{}}', '{"roots":{}}');

async function slow(server: Gated, limits: Partial<BridgeLimits> = {}, startTimeoutMs?: number) {
  const more = startTimeoutMs === undefined ? {} : { startTimeoutMs };
  const { bridge, log } = await bridged([stdioSpec('slow', server.args, more)], { ...fast, ...limits });
  return { bridge, log, url: bridge.urlOf('slow') };
}

const call = (name: string, id?: number, meta: object = {}): string => request('tools/call', { name, ...meta }, id);

async function pidOf(url: string, session: string): Promise<number> {
  const body = (await (await post(url, call('pid'), session)).json()) as { result: { content: [{ text: string }] } };
  return (JSON.parse(body.result.content[0].text) as { pid: number }).pid;
}

async function listedBy(url: string, session: string): Promise<number> {
  const body = (await (await post(url, request('tools/list'), session)).json()) as {
    result: { tools: [{ name: string }] };
  };
  return Number(body.result.tools[0].name.slice('of-'.length));
}

test('initialize of a server that is starting is 503 with Retry-After and says so, and all of them wait for one process', async () => {
  const server = gated();
  const { url, bridge } = await slow(server);
  for (let i = 0; i < 3; i += 1) {
    const answer = await post(url, initializeBody);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('mcp-session-id')]).toEqual([
      503,
      '1',
      null,
    ]);
    expect(await answer.json()).toEqual({
      jsonrpc: '2.0',
      id: 0,
      error: {
        code: -32603,
        message: 'Upstream server is starting',
        data: { starting: true, seconds: expect.any(Number) },
      },
    });
  }
  await eventually(() => bridge.stateOf('slow')?.said === 'fetching packages');
  expect(bridge.stateOf('slow')?.phase).toBe('starting');
  server.open();
  await open(url);
  expect(bridge.stateOf('slow')?.phase).toBe('ready');
  expect(server.starts()).toHaveLength(1);
});

test('a client that leaves during initialize ends nothing: the next one gets what it began', async () => {
  const server = gated();
  const { url } = await slow(server, { startPatienceMs: 60_000 });
  const abort = new AbortController();
  const pending = post(url, initializeBody, undefined, {}, abort.signal).catch(() => {});
  await eventually(() => server.starts().length === 1);
  abort.abort();
  await pending;
  server.open();
  const session = await open(url);
  expect(await pidOf(url, session)).toBe(server.starts()[0]);
});

test('a server that has not answered by its start limit is ended, and the next initialize starts another', async () => {
  const server = gated();
  const { url, log } = await slow(server, { startPatienceMs: 60_000 }, startMs);
  expect(await (await initialize(url)).json()).toMatchObject({ id: 0, error: { code: -32603 } });
  expect(log.lines.some(({ text }) => text.includes('startTimeout'))).toBe(true);
  await eventually(() => !isAlive(server.starts()[0]!));
  server.open();
  await open(url);
  expect(server.starts()).toHaveLength(2);
});

test('nine servers: initialize is answered before any process has answered it, once the servers have said it to anyone', async () => {
  const servers = Array.from({ length: 9 }, () => gated());
  const { bridge } = await bridged(
    servers.map((server, i) => stdioSpec(`s${i}`, server.args)),
    fast,
  );
  const urls = servers.map((_server, i) => bridge.urlOf(`s${i}`));
  for (const server of servers) server.open();
  await Promise.all(urls.map((url) => open(url)));
  for (const server of servers) server.shut();
  // Another revision and other capabilities, so that no process of before can be meant.
  const asked = otherClient.replace('2025-11-25', '2025-06-18');
  const answers = await Promise.all(urls.map(async (url) => await post(url, asked)));
  expect(answers.map(({ status }) => status)).toEqual(servers.map(() => 200));
  const results = await Promise.all(answers.map((answer) => answer.json() as Promise<{ result: object }>));
  for (const { result } of results) expect(result).toMatchObject({ protocolVersion: '2025-06-18', serverInfo: {} });
  expect(servers.map((server) => server.greeted().length)).toEqual(servers.map(() => 1));
});

test('sessions have no process until they need one: pings, levels and lists are answered without, calls by one of their own', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server, { maxSpares: 1 });
  const [first, second] = [await open(url), await open(url)];
  for (const session of [first, second]) {
    expect((await post(url, request('ping'), session)).status).toBe(200);
    const level = await post(url, request('logging/setLevel', { level: 'error' }), session);
    expect(await level.json()).toMatchObject({ result: {} });
  }
  const lister = server.starts()[0];
  expect([await listedBy(url, first), await listedBy(url, second)]).toEqual([lister, lister]);
  expect(server.starts()).toHaveLength(1);
  // The one that is ready becomes the first session's, and another is made ready.
  expect(await pidOf(url, first)).toBe(lister);
  const other = await pidOf(url, second);
  expect(other).not.toBe(lister);
  expect([await listedBy(url, first), await listedBy(url, second)]).toEqual([lister, other]);
  const told = await (await post(url, call('pid'), first)).text();
  expect(told).toContain('\\"levels\\":[\\"error\\"]');
});

test('changes of lists are told to sessions that have no process, by the one that lists for them', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server);
  const [first, second, third] = [await open(url), await open(url), await open(url)];
  const streams = [await listen(get(url, first)), await listen(get(url, second))];
  for (const session of [first, second]) await listedBy(url, session);
  await post(url, request('resources/templates/list'), third);
  for (const stream of streams) {
    await stream.until(1);
    expect(stream.events.map(({ data }) => data)).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    ]);
    stream.close();
  }
  expect(server.starts()).toHaveLength(1);
});

test('a server that answers initialize otherwise than it did to others loses nothing: 404 before anything was done, then right', async () => {
  const server = gated('2025-06-18');
  server.open();
  const { url } = await slow(server);
  // What is known of it says: as new as 2025-06-18, so an older client would be answered in its own revision.
  await open(url);
  const old = initializeBody.replace('2025-11-25', '2025-03-26');
  const guessed = await post(url, old);
  const session = guessed.headers.get('mcp-session-id')!;
  expect(await guessed.json()).toMatchObject({ result: { protocolVersion: '2025-03-26' } });
  expect((await post(url, call('pid'), session)).status).toBe(404);
  const known = await post(url, old);
  expect(await known.json()).toMatchObject({ result: { protocolVersion: '2025-06-18' } });
  expect((await post(url, call('pid'), known.headers.get('mcp-session-id')!)).status).toBe(200);
});

test('a session that ends while its process starts leaves it to the next, and it is not started twice for one session', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server);
  await open(url);
  server.shut();
  const session = (await post(url, otherClient)).headers.get('mcp-session-id')!;
  const waiting = [post(url, call('pid', 1), session), post(url, call('pid', 2), session)];
  await eventually(() => server.starts().length === 2);
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
  for (const answer of await Promise.all(waiting))
    expect(await answer.json()).toMatchObject({ error: { code: -32603 } });
  const next = (await post(url, otherClient)).headers.get('mcp-session-id')!;
  const pid = pidOf(url, next);
  server.open();
  expect(await pid).toBe(server.starts()[1]);
});

test('one session whose process fails is no verdict: others go on, and what the server once said is found out anew', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server, {}, startMs);
  const healthy = await open(url);
  await pidOf(url, healthy);
  // The spare one as well, or what it says would be known after all.
  await eventually(() => server.greeted().length === 2);
  server.shut();
  const session = (await post(url, otherClient)).headers.get('mcp-session-id')!;
  expect(await (await post(url, call('pid', 4), session)).json()).toMatchObject({ id: 4, error: { code: -32603 } });
  expect(await pidOf(url, healthy)).toBe(server.starts()[0]);
  // Its end is known when the process is gone, which may be after its answer.
  await expect.poll(async () => (await post(url, otherClient)).status, { timeout: 20_000 }).toBe(503);
  server.open();
  expect((await initialize(url, otherClient)).status).toBe(200);
});

test('a process that asks its client something before it has one is told that there is none, and becomes nobody’s', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server, { maxSpares: 1 });
  const session = await open(url);
  expect((await post(url, request('prompts/list'), session)).status).toBe(200);
  const pid = await pidOf(url, session);
  expect(server.starts().indexOf(pid)).toBe(1);
  // It goes on answering lists.
  expect(await listedBy(url, await open(url))).toBe(server.starts()[0]);
});

test('processes of sessions whose client has left are ended sooner than idle ones, and so are those kept ready', async () => {
  const server = gated();
  server.open();
  const { url, log } = await slow(server, { goneMs: 200, spareIdleMs: 200 });
  const [left, quiet] = [await open(url), await open(url)];
  const pids = [await pidOf(url, left), await pidOf(url, quiet)];
  const stream = await listen(get(url, left));
  stream.close();
  await eventually(() => !isAlive(pids[0]!));
  expect(isAlive(pids[1]!)).toBe(true);
  await eventually(() => server.starts().every((pid) => pid === pids[1] || !isAlive(pid)));
  expect(log.lines.some(({ text }) => text === 'idle session ended')).toBe(true);
});

test('the place of a process is reserved in the turn in which it is found: never more than there are', async () => {
  const server = gated();
  server.open();
  const { url, log } = await slow(server, { maxProcesses: 4 });
  const sessions = await Promise.all(Array.from({ length: 20 }, () => open(url)));
  await Promise.all(sessions.map((session) => post(url, call('pid'), session).then((answer) => answer.text())));
  let running = 0;
  let most = 0;
  for (const { text } of log.lines) {
    if (text === 'stdio server started') running += 1;
    if (text === 'stdio server ended' || text === 'stdio server ended by itself') running -= 1;
    most = Math.max(most, running);
  }
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
});

test('no more sessions than so many, the one unused for longest gives way', async () => {
  const server = gated();
  server.open();
  const { url } = await slow(server, { maxSessions: 2 });
  const sessions = [await open(url), await open(url), await open(url)];
  const statuses = await Promise.all(
    sessions.map(async (session) => (await post(url, request('ping'), session)).status),
  );
  expect(statuses).toEqual([404, 200, 200]);
});
