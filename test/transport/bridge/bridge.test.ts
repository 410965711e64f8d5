import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import {
  ask,
  bridged,
  eventually,
  get,
  initializeBody,
  listen,
  oddServer,
  open,
  post,
  request,
  stdioSpec,
} from '../../support/bridge-client.ts';
import type { BridgeLimits } from '../../../src/transport/bridge/limits.ts';

async function odd(limits: Partial<BridgeLimits> = {}) {
  const dropped: string[] = [];
  const { bridge, log } = await bridged([stdioSpec('odd', [oddServer])], limits, (_upstream, method) =>
    dropped.push(method),
  );
  return { bridge, log, dropped, url: bridge.urlOf('odd') };
}

function statusWithHost(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url);
    httpRequest({ hostname, port, path: pathname, method: 'POST', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('answers what is wrong with a request as the session-era transport does, and starts no process for it', async () => {
  const { url, log } = await odd();
  const cases = [
    { what: 'no session', init: { body: request('ping') }, status: 400, code: -32000 },
    { what: 'unknown session', init: { body: request('ping'), session: 'x' }, status: 404, code: -32001 },
    {
      what: 'initialize in an unknown session',
      init: { body: initializeBody, session: 'x' },
      status: 404,
      code: -32001,
    },
    { what: 'batch', init: { body: `[${initializeBody}]` }, status: 400, code: -32600 },
    { what: 'no JSON', init: { body: '{' }, status: 400, code: -32700 },
    {
      what: 'revision without sessions',
      init: { body: initializeBody, headers: { 'mcp-protocol-version': '2026-07-28' } },
      status: 400,
      code: -32000,
    },
    {
      what: 'content type',
      init: { body: initializeBody, headers: { 'content-type': 'text/plain' } },
      status: 415,
      code: -32000,
    },
    {
      what: 'accept',
      init: { body: initializeBody, headers: { accept: 'application/json' } },
      status: 406,
      code: -32000,
    },
    {
      what: 'a browser',
      init: { body: initializeBody, headers: { origin: 'http://localhost' } },
      status: 403,
      code: -32000,
    },
  ];
  for (const { what, init, status, code } of cases) {
    const response = await post(url, init.body, init.session, init.headers);
    const body = (await response.json()) as { error: { code: number } };
    expect([what, response.status, body.error.code]).toEqual([what, status, code]);
  }
  expect((await fetch(url, { method: 'PUT' })).status).toBe(405);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(400);
  expect(log.lines.filter((line) => line.text === 'stdio server started')).toEqual([]);
});

test('is reached only by the path that it was given and the Host that it listens on (transports §Security Warning)', async () => {
  const { url } = await odd();
  const { pathname, port, origin } = new URL(url);
  expect(pathname).toMatch(/^\/[0-9a-f]{32}\/mcp$/);
  expect((await post(`${origin}/mcp`, initializeBody)).status).toBe(404);
  expect((await post(`${origin}/${'0'.repeat(32)}/mcp`, initializeBody)).status).toBe(404);
  expect(await statusWithHost(url, `rebound.example:${port}`)).toBe(403);
  expect(await statusWithHost(url, `127.0.0.1:${port}`)).not.toBe(403);
});

test('opens a session with one process, and answers 404 to its id after DELETE (§Session Management)', async () => {
  const { url } = await odd();
  const first = await open(url);
  const second = await open(url);
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  const pids = [await ask(url, first, 'pid'), await ask(url, second, 'pid'), await ask(url, first, 'pid')].map(
    (result) => result['pid'],
  );
  expect(pids[0]).toBe(pids[2]);
  expect(pids[0]).not.toBe(pids[1]);
  const ended = await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': first } });
  expect(ended.status).toBe(204);
  expect((await post(url, request('ping'), first)).status).toBe(404);
  expect((await post(url, request('ping'), second)).status).toBe(200);
  expect((await post(url, initializeBody, second)).status).toBe(400);
});

test('hands on both directions byte for byte, but for line ends between tokens', async () => {
  const { url } = await odd();
  const session = await open(url);
  const exact = await post(url, '{"jsonrpc":"2.0","method":"exact","id":7}', session);
  expect(await exact.text()).toBe(
    '{"id": 7 , "jsonrpc":"2.0","result" : {"big":12345678901234567890,"one":1.0,"e":1E400,"u":"\\u0041","own":[ ]}, "x":null}',
  );
  const sent =
    '{"jsonrpc":"2.0",\r\n\t"id":8,"method":"echo", "params":{"n":1.50,"m":12345678901234567890}, "own" : "\\u00e9é"}';
  const echoed = (await (await post(url, sent, session)).json()) as { result: { line: string } };
  expect(echoed.result.line).toBe(
    '{"jsonrpc":"2.0",  \t"id":8,"method":"echo", "params":{"n":1.50,"m":12345678901234567890}, "own" : "\\u00e9é"}',
  );
});

test('takes notifications and answers with 202 (§Sending Messages 4)', async () => {
  const { url } = await odd();
  const session = await open(url);
  const taken = await post(url, '{"jsonrpc":"2.0","method":"notifications/initialized"}', session);
  expect([taken.status, await taken.text()]).toEqual([202, '']);
  // Said once, by the bridge itself.
  expect(await ask(url, session, 'heard')).toEqual({ heard: ['notifications/initialized'] });
  expect((await post(url, '{"jsonrpc":"2.0","method":"notifications/own"}', session)).status).toBe(202);
  expect(await ask(url, session, 'heard')).toEqual({ heard: ['notifications/initialized', 'notifications/own'] });
});

test('answers as a stream when something belongs to the request before its answer, and takes the answer to what the server asks', async () => {
  const { url } = await odd();
  const session = await open(url);
  const stream = await listen((signal) => post(url, request('ask', {}, 50), session, {}, signal));
  await stream.until(1);
  expect(stream.headers.get('content-type')).toBe('text/event-stream');
  expect(JSON.parse(stream.events[0]!.data)).toMatchObject({ id: 'ask-1', method: 'sampling/createMessage' });
  expect((await post(url, '{"jsonrpc":"2.0","id":"ask-1","result":{"text":"hi"}}', session)).status).toBe(202);
  await stream.ended;
  expect(JSON.parse(stream.events[1]!.data)).toMatchObject({ id: 50, result: { answer: { text: 'hi' } } });
  expect(stream.events).toHaveLength(2);
});

test('sends progress on the stream of the request that bears its token', async () => {
  const { url } = await odd();
  const session = await open(url);
  const call = (id: number, token: string | number) =>
    listen((signal) =>
      post(
        url,
        request('slow', { token, steps: 2, stepMs: 60, _meta: { progressToken: token } }, id),
        session,
        {},
        signal,
      ),
    );
  const [first, second] = await Promise.all([call(61, 1), call(62, '1')]);
  await Promise.all([first.ended, second.ended]);
  for (const [stream, token, id] of [
    [first, 1, 61],
    [second, '1', 62],
  ] as const) {
    const messages = stream.events.map(
      (event) => JSON.parse(event.data) as { params?: { progressToken: unknown }; id?: number },
    );
    expect(messages.map((message) => message.params?.progressToken ?? message.id)).toEqual([token, token, id]);
  }
});

test('what may belong to one of several requests goes to none of them: only a known token, or being the only one, tells', async () => {
  const { bridge, dropped, url } = await odd();
  const session = await open(url);
  const first = await listen((signal) =>
    post(
      url,
      request('slow', { token: 1, steps: 1, stepMs: 300, _meta: { progressToken: 1 } }, 51),
      session,
      {},
      signal,
    ),
  );
  await first.until(1);
  const second = await listen((signal) =>
    post(url, request('foreign', { token: 2, _meta: { progressToken: 2 } }, 52), session, {}, signal),
  );
  await second.ended;
  await (await post(url, request('notes', { count: 2 }, 53), session)).text();
  await first.ended;
  const of = (stream: typeof first) =>
    stream.events.map(({ data }) => JSON.parse(data) as { id?: number; params?: { progressToken: unknown } });
  expect(of(second).map(({ id, params }) => params?.progressToken ?? id)).toEqual([2, 52]);
  expect(of(first).map(({ id, params }) => params?.progressToken ?? id)).toEqual([1, 51]);
  expect(dropped).toEqual(['notifications/progress']);
  // They are kept for the stream of what belongs to no request.
  const rest = await listen(get(url, session));
  await rest.until(2);
  expect(rest.events.map(({ data }) => (JSON.parse(data) as { method: string }).method)).toEqual([
    'notifications/message',
    'notifications/message',
  ]);
  rest.close();
  await bridge.close();
});

test('a question that may be that of any of several requests is refused, where no stream is open for the whole session', async () => {
  const { url, dropped } = await odd();
  const session = await open(url);
  const abort = new AbortController();
  const waiting = post(url, request('never', {}, 1), session, {}, abort.signal).catch(() => {});
  await ask(url, session, 'pid');
  const answer = await post(url, request('ask', {}, 2), session);
  expect(await answer.json()).toMatchObject({ id: 2, result: { answer: null } });
  expect(dropped).toEqual(['sampling/createMessage']);
  abort.abort();
  await waiting;
});

test('in a session of one client a question reaches it on its newest request, whichever that belongs to', async () => {
  const { url } = await odd();
  await open(url);
  const opened = await post(url, initializeBody, undefined, { 'manifold-sharing': 'session' });
  const session = opened.headers.get('mcp-session-id')!;
  const abort = new AbortController();
  const waiting = post(url, request('never', {}, 1), session, {}, abort.signal).catch(() => {});
  await ask(url, session, 'pid');
  const stream = await listen((signal) => post(url, request('ask', {}, 2), session, {}, signal));
  await stream.until(1);
  expect(JSON.parse(stream.events[0]!.data)).toMatchObject({ id: 'ask-1', method: 'sampling/createMessage' });
  stream.close();
  abort.abort();
  await waiting;
});

test('ids and tokens echoed as text find their call and come back as they were; so does what has a byte order mark', async () => {
  const { url, log } = await odd();
  const session = await open(url);
  const textual = await listen((signal) =>
    post(url, request('textual', { id: 61, token: 9, _meta: { progressToken: 9 } }, 61), session, {}, signal),
  );
  await textual.ended;
  expect(textual.events.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
    { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 9, progress: 1 } },
    { jsonrpc: '2.0', result: { textual: true }, id: 61 },
  ]);
  expect(log.lines.filter(({ text }) => text.includes('its id in another form'))).toHaveLength(1);
  const marked = await post(url, request('marked', { id: 62 }, 62), session);
  expect(await marked.json()).toEqual({ jsonrpc: '2.0', id: 62, result: { marked: true } });
});

test('an answer that matches no request is logged at once, with the methods that it may belong to', async () => {
  const { url, log } = await odd();
  const session = await open(url);
  const abort = new AbortController();
  const pending = post(url, request('lost', {}, 63), session, {}, abort.signal).catch(() => {});
  await eventually(() => log.lines.some(({ text }) => text.startsWith('dropped an answer that matches no request')));
  const line = log.lines.find(({ text }) => text.startsWith('dropped an answer'));
  expect(line).toMatchObject({ level: 'warn', fields: { upstream: 'odd', line: 'lost' } });
  abort.abort();
  await pending;
});

test('keeps what belongs to no request for the GET stream, of which there is one (§Listening for Messages)', async () => {
  const { url } = await odd();
  const session = await open(url);
  await ask(url, session, 'later', { count: 2, afterMs: 1 });
  const stream = await listen(get(url, session));
  await stream.until(2);
  expect((await fetch(url, { headers: { accept: 'text/event-stream', 'mcp-session-id': session } })).status).toBe(409);
  // With the stream open, what concerns the session goes there although a request is in flight.
  await ask(url, session, 'notes', { count: 1, method: 'notifications/resources/updated' });
  await stream.until(3);
  expect(stream.events.map((event) => (JSON.parse(event.data) as { method: string }).method)).toEqual([
    'notifications/tools/list_changed',
    'notifications/tools/list_changed',
    'notifications/resources/updated',
  ]);
  stream.close();
});

test('keeps no more than so many messages for a stream that does not come, the newest, and says so', async () => {
  const { url, log } = await odd({ maxParkedMessages: 3 });
  const session = await open(url);
  await ask(url, session, 'later', { count: 5, afterMs: 1 });
  await eventually(
    () => log.lines.filter((line) => line.text === 'dropped messages that no stream came to fetch').length === 2,
  );
  const stream = await listen(get(url, session));
  await stream.until(3);
  expect(stream.events.map((event) => (JSON.parse(event.data) as { params: { data: number } }).params.data)).toEqual([
    2, 3, 4,
  ]);
  stream.close();
});

test('replays on GET with Last-Event-ID what the broken stream of a call missed, and its answer (§Resumability)', async () => {
  const { url } = await odd();
  const session = await open(url);
  const broken = await listen((signal) =>
    post(
      url,
      request('slow', { token: 5, steps: 4, stepMs: 150, _meta: { progressToken: 5 } }, 70),
      session,
      {},
      signal,
    ),
  );
  await broken.until(1);
  broken.close();
  await broken.ended;
  const resumed = await listen(get(url, session, broken.events[0]!.id));
  await resumed.ended;
  const seen = resumed.events.map((event) => JSON.parse(event.data) as { id?: number; params?: { progress: number } });
  expect(seen.map((message) => message.params?.progress ?? message.id)).toEqual([2, 3, 4, 70]);
  // Again, after the call is over: the same from the log, and no other stream's messages.
  const again = await listen(get(url, session, broken.events[0]!.id));
  await again.ended;
  expect(again.events).toEqual(resumed.events);
  expect(
    (
      await fetch(url, {
        headers: { accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': 'no-id' },
      })
    ).status,
  ).toBe(400);
});

test('replays no further back than its event log reaches', async () => {
  const { url } = await odd({ maxReplayEvents: 2 });
  const session = await open(url);
  const stream = await listen((signal) => post(url, request('notes', { count: 5 }, 71), session, {}, signal));
  await stream.ended;
  expect(stream.events).toHaveLength(6);
  const again = await listen(get(url, session, stream.events[0]!.id));
  await again.ended;
  expect(again.events).toEqual(stream.events.slice(-2));
});

test('ends the POST of a request that the client cancelled, which the server never answers', async () => {
  const { url } = await odd();
  const session = await open(url);
  const pending = post(url, request('never', {}, 80), session);
  await ask(url, session, 'ping');
  await post(url, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":80}}', session);
  expect(await (await pending).json()).toMatchObject({ id: 80, error: { code: -32603 } });
});

test('refuses an id that is in flight, and more requests than it may hold', async () => {
  const { url } = await odd({ maxCallsInFlight: 2 });
  const session = await open(url);
  const abort = new AbortController();
  const pending = [81, 82].map((id) => post(url, request('never', {}, id), session, {}, abort.signal).catch(() => {}));
  const refused = await (async () => {
    for (;;) {
      const response = await post(url, request('ping', {}, 83), session);
      const body = (await response.json()) as { error?: { code: number } };
      if (body.error !== undefined) return body;
    }
  })();
  expect(refused).toMatchObject({ id: 83, error: { code: -32603, message: 'Upstream server refused the request' } });
  const twice = await post(url, request('never', {}, 81), session);
  expect([twice.status, await twice.json()]).toMatchObject([400, { id: 81, error: { code: -32600 } }]);
  abort.abort();
  await Promise.all(pending);
});

test('lets a slow reader slow the server, and loses nothing', async () => {
  const { url } = await odd({ maxStreamBacklogBytes: 64 * 1024 });
  const session = await open(url);
  const abort = new AbortController();
  const unread = await get(url, session)(abort.signal);
  let answered = false;
  const method = 'notifications/resources/updated';
  const call = ask(url, session, 'notes', { count: 300, bytes: 100_000, method }).then(() => {
    answered = true;
  });
  await new Promise((resolve) => {
    setTimeout(resolve, 700);
  });
  // The answer stands behind 30 MB that nobody takes.
  expect(answered).toBe(false);
  const stream = await listen(async () => unread);
  await stream.until(300);
  await call;
  const data = stream.events.map((event) => (JSON.parse(event.data) as { params: { data: number } }).params.data);
  expect(data).toEqual(Array.from({ length: 300 }, (_, i) => i));
  abort.abort();
});

test('waits with reading further messages while the server does not read, and delivers them all', async () => {
  const { url } = await odd();
  const session = await open(url);
  await ask(url, session, 'deaf', { forMs: 400 });
  const pad = 'x'.repeat(1_000_000);
  const sent = Array.from({ length: 10 }, (_, i) =>
    post(url, `{"jsonrpc":"2.0","method":"notifications/n${i}","params":{"pad":"${pad}"}}`, session),
  );
  expect((await Promise.all(sent)).map((response) => response.status)).toEqual(Array.from({ length: 10 }, () => 202));
  const { heard } = await ask(url, session, 'heard');
  expect((heard as string[]).slice(1).toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `notifications/n${i}`));
});

test('refuses a message that does not fit the backlog of a server that does not read', async () => {
  const { url } = await odd({ maxInputBacklogBytes: 1_000 });
  const session = await open(url);
  const params = { pad: 'x'.repeat(1_000) };
  await ask(url, session, 'pid');
  const refused = await post(url, request('echo', params, 91), session);
  expect(await refused.json()).toMatchObject({ id: 91, error: { code: -32603 } });
  const notification = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params });
  expect((await post(url, notification, session)).status).toBe(500);
  expect(await ask(url, session, 'heard')).toEqual({ heard: ['notifications/initialized'] });
});

test('ends a session that nobody has used for the idle time, but none with an open stream', async () => {
  const { url, log } = await odd({ idleMs: 300 });
  const idle = await open(url);
  const used = await open(url);
  const stream = await listen(get(url, used));
  await eventually(() => log.lines.some((line) => line.text === 'idle session ended'));
  await new Promise((resolve) => {
    setTimeout(resolve, 600);
  });
  expect((await post(url, request('ping'), idle)).status).toBe(404);
  expect((await post(url, request('ping'), used)).status).toBe(200);
  stream.close();
});

test('makes room by ending the session idle longest, and refuses when all are in use', async () => {
  const { url } = await odd({ maxProcesses: 2 });
  const [oldest, newer, newest] = [await open(url), await open(url), await open(url)];
  for (const session of [oldest, newer, newest])
    expect(await ask(url, session, 'pid')).toMatchObject({ pid: expect.any(Number) });
  expect((await post(url, request('ping'), oldest)).status).toBe(404);
  const streams = [await listen(get(url, newer)), await listen(get(url, newest))];
  const another = await open(url);
  expect(await (await post(url, request('pid', {}, 5), another)).json()).toMatchObject({
    id: 5,
    error: { code: -32603 },
  });
  for (const stream of streams) stream.close();
});
