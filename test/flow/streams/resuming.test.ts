/** Broken streams and what becomes of them (2025-11-25 basic/transports §Resumability and Redelivery). */
import type { ServerResponse } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../../support/gateway-process.ts';
import type { KeepingUpstream, KeptCall } from '../../support/keeping-upstream.ts';
import { startKeeping } from '../../support/keeping-upstream.ts';
import type { OpenStream, PlainSession, Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession, openStream, posting } from '../../support/plain-client.ts';
import { logged, startPushing } from '../../support/pushing-upstream.ts';
import { startReplicas } from '../../support/replicas.ts';
import { sayEvents, startScripted } from '../../support/scripted-upstream.ts';

let upstreams: {
  readonly keeping: KeepingUpstream;
  readonly priming: KeepingUpstream;
  readonly idless: KeepingUpstream;
};
let one: GatewayProcess;
let two: GatewayProcess;

beforeAll(async () => {
  upstreams = {
    keeping: await startKeeping(),
    priming: await startKeeping({ isPriming: true }),
    idless: await startKeeping({ hasNoIds: true }),
  };
  const mcpServers = Object.fromEntries(Object.entries(upstreams).map(([name, { url }]) => [name, { url }]));
  [one, two] = (await startReplicas(2, { mcpServers })) as [GatewayProcess, GatewayProcess];
});

let called = 0;

/** Calls a tool of that upstream; `call` is the upstream's side of it. */
async function call(
  session: PlainSession,
  name: keyof typeof upstreams,
): Promise<{ stream: OpenStream; call: KeptCall; id: string }> {
  called += 1;
  const id = `call-${called}`;
  const stream = await openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: `${name}__x`, arguments: {}, _meta: { progressToken: id } },
    }),
  });
  return { stream, call: upstreams[name].calls.find(({ request }) => request.id === id)!, id };
}

const progressOf = (message: Rpc): unknown => message.params?.['progress'];
const seen = (stream: OpenStream): unknown[] =>
  stream.messages.map(
    (message) => progressOf(message) ?? (message.error === undefined ? 'result' : message.error.code),
  );
const reached =
  (value: unknown) =>
  (message: Rpc): boolean =>
    progressOf(message) === value;
const idsIn = (stream: OpenStream): string[] => [...stream.text().matchAll(/^id: (.+)$/gm)].map(([, id]) => id!);

describe('the client comes back with `Last-Event-ID`, at another replica,', () => {
  for (const last of [1, 3, 5]) {
    test(`after event ${last} of 5: what it has missed follows, once and in order, and then the answer`, async () => {
      const session = await openSession(one.url);
      const { stream, call: at } = await call(session, 'keeping');
      for (const value of [1, 2, 3, 4, 5]) at.progress(value);
      await stream.until(reached(5));
      stream.close();
      await expect.poll(() => at.isRead).toBe(false);
      const resumed = await listenTo(session.at(two.url), idsIn(stream)[last - 1]);
      await expect.poll(() => at.isRead).toBe(true);
      at.progress(6);
      at.finish('done');
      await resumed.ended;
      expect(seen(resumed)).toEqual([...[1, 2, 3, 4, 5, 6].slice(last), 'result']);
      expect(idsIn(resumed)).not.toContain('1-1');
    });
  }

  test('and finds its place again although nothing new came before the next break', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    stream.close();
    const again = await listenTo(session.at(two.url), idsIn(stream).at(-1));
    await expect.poll(() => idsIn(again).length).toBe(1);
    expect(again.messages).toEqual([]);
    again.close();
    await expect.poll(() => at.isRead).toBe(false);
    at.progress(2);
    at.finish('done');
    const third = await listenTo(session, idsIn(again)[0]);
    await third.ended;
    expect(seen(third)).toEqual([2, 'result']);
  });

  test('while the upstream still holds the old connection open: it is asked until it lets go', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    stream.close();
    await expect.poll(() => at.isRead).toBe(false);
    upstreams.keeping.answerNextGetWith((_request, response) => void response.writeHead(409).end());
    const resumed = await listenTo(session.at(two.url), idsIn(stream).at(-1));
    await expect.poll(() => at.isRead).toBe(true);
    at.finish('done');
    await resumed.ended;
    expect(seen(resumed)).toEqual(['result']);
  });

  test('and its stream breaks once more, at the upstream: it goes on all the same', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    stream.close();
    await expect.poll(() => at.isRead).toBe(false);
    const resumed = await listenTo(session.at(two.url), idsIn(stream).at(-1));
    await expect.poll(() => at.isRead).toBe(true);
    at.progress(2);
    await resumed.until(reached(2));
    at.cut();
    await expect.poll(() => at.isRead).toBe(true);
    at.progress(3);
    at.finish('done');
    await resumed.ended;
    expect(seen(resumed)).toEqual([2, 3, 'result']);
  });

  test('when the upstream no longer has the events: 400, and no stream of another', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    stream.close();
    await expect.poll(() => at.isRead).toBe(false);
    upstreams.keeping.answerNextGetWith((_request, response) => void response.writeHead(400).end());
    const refused = await listenTo(session.at(two.url), idsIn(stream).at(-1));
    expect(refused.status).toBe(400);
    await refused.ended;
    expect(JSON.parse(refused.text())).toMatchObject({ error: { code: -32000 } });
  });

  test('with the id of another session, or one that was changed: nothing of that stream', async () => {
    const [session, other] = [await openSession(one.url), await openSession(one.url)];
    const { stream, call: at } = await call(session, 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    const id = idsIn(stream)[0]!;
    const asked = upstreams.keeping.gets.length;
    const changed = `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`;
    const fresh = [
      await listenTo(other, id),
      await listenTo(session, changed),
      await listenTo(session, '1-1'),
      await listenTo(session, 'x'.repeat(4_000)),
    ];
    at.progress(2);
    at.finish('done');
    await stream.ended;
    expect(fresh.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(fresh.flatMap(({ messages }) => messages)).toEqual([]);
    expect(upstreams.keeping.gets.length).toBe(asked);
    for (const each of fresh) each.close();
  });
});

describe('the upstream breaks off its answer', () => {
  for (const [how, breaks] of [
    ['by a cut', (at: KeptCall) => at.cut()],
    [
      'a second time before anything new has come',
      (at: KeptCall) => {
        upstreams.keeping.answerNextGetWith((_request, response) => void response.destroy());
        at.cut();
      },
    ],
    [
      'and refuses to go on for a while',
      (at: KeptCall) => {
        upstreams.keeping.answerNextGetWith((_request, response) => void response.writeHead(503).end());
        at.cut();
      },
    ],
  ] as const) {
    test(`${how}: the gateway takes it up where it was, and the client sees no break`, async () => {
      const { stream, call: at } = await call(await openSession(one.url), 'keeping');
      at.progress(1);
      at.progress(2);
      await stream.until(reached(2));
      breaks(at);
      at.progress(3);
      await stream.until(reached(3));
      at.finish('done');
      await stream.ended;
      expect(seen(stream)).toEqual([1, 2, 3, 'result']);
    });
  }

  test('and has given no ids: one error under the id of the request, after all that had come', async () => {
    const { stream, call: at, id } = await call(await openSession(one.url), 'idless');
    at.progress(1);
    await stream.until(reached(1));
    at.cut();
    await stream.ended;
    expect(seen(stream)).toEqual([1, -32603]);
    expect(stream.messages.at(-1)?.id).toBe(id);
  });

  test('and has lost the session by the time it is asked: one error', async () => {
    const { stream, call: at, id } = await call(await openSession(one.url), 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    upstreams.keeping.answerNextGetWith((_request, response) => void response.writeHead(404).end());
    at.cut();
    await stream.ended;
    expect(seen(stream)).toEqual([1, -32603]);
    expect(stream.messages.at(-1)?.id).toBe(id);
  });
});

describe('an event without data, only to name a place,', () => {
  test('reaches a client of 2025-11-25, and is good to come back with', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'priming');
    await expect.poll(() => stream.text()).toMatch(/^id: [\w-]+\ndata: \n\n$/);
    stream.close();
    await expect.poll(() => at.isRead).toBe(false);
    at.progress(1);
    at.finish('done');
    const resumed = await listenTo(session.at(two.url), idsIn(stream)[0]);
    await resumed.ended;
    expect(seen(resumed)).toEqual([1, 'result']);
  });

  for (const revision of ['2025-03-26', '2025-06-18']) {
    test(`never reaches a client of ${revision}, which fails on it`, async () => {
      const session = await openSession(one.url, { revision });
      const { stream, call: at } = await call(session, 'priming');
      at.progress(1);
      await stream.until(reached(1));
      const resumed = await listenTo(session.at(two.url), idsIn(stream)[0]);
      stream.close();
      at.finish('done');
      await resumed.ended;
      for (const each of [stream, resumed]) expect(each.text()).not.toMatch(/^data: ?$/m);
      expect(seen(resumed)).toEqual(['result']);
    });
  }
});

describe('the upstream closes in good order, to be polled (SEP-1699),', () => {
  test('a client of 2025-11-25 is passed its `retry` and does so, at any replica', async () => {
    const session = await openSession(one.url);
    const { stream, call: at } = await call(session, 'priming');
    at.progress(1);
    await stream.until(reached(1));
    at.end('retry: 40\n\n');
    await stream.ended;
    expect(stream.text()).toMatch(/\n\nretry: 40\n\n$/);
    at.progress(2);
    at.finish('done');
    const polled = await listenTo(session.at(two.url), idsIn(stream).at(-1));
    await polled.ended;
    expect([seen(stream), seen(polled)]).toEqual([[1], [2, 'result']]);
  });

  test('a client of 2025-06-18 sees no break', async () => {
    const { stream, call: at } = await call(await openSession(one.url, { revision: '2025-06-18' }), 'keeping');
    at.progress(1);
    await stream.until(reached(1));
    at.end('retry: 40\n\n');
    await expect.poll(() => at.isRead).toBe(true);
    at.progress(2);
    at.finish('done');
    await stream.ended;
    expect(seen(stream)).toEqual([1, 2, 'result']);
    expect(stream.text()).not.toContain('retry');
  });
});

describe('the merged stream', () => {
  test('resumes each upstream from its own place, at another replica', async () => {
    const [left, right] = [await startPushing(), await startPushing()];
    const mcpServers = { left: { url: left.url }, right: { url: right.url } };
    const [here, there] = (await startReplicas(2, { mcpServers })) as [GatewayProcess, GatewayProcess];
    const session = await openSession(here.url);
    const stream = await listenTo(session);
    await expect.poll(() => [left.open, right.open]).toEqual([1, 1]);
    for (const [upstream, data, id] of [
      [left, 'a', 'left-1'],
      [right, 'b', 'right-1'],
      [left, 'c', 'left-2'],
    ] as const) {
      upstream.push(logged(data), id);
      await stream.until(({ params }) => params?.['data'] === data);
    }
    stream.close();
    await expect.poll(() => [left.open, right.open]).toEqual([0, 0]);
    const lastOf = (upstream: typeof left): unknown => upstream.gets.at(-1)?.lastEventId;
    for (const [at, places] of [
      [1, ['left-1', 'right-1']],
      [2, ['left-2', 'right-1']],
    ] as const) {
      const resumed = await listenTo(session.at(there.url), idsIn(stream)[at]);
      await expect.poll(() => [left.open, right.open]).toEqual([1, 1]);
      expect([lastOf(left), lastOf(right)]).toEqual(places);
      // The place is named at once, or a client that is cut before the next event would have lost it.
      await expect.poll(() => resumed.text()).toMatch(/^id: [\w-]+\ndata: \n\n/);
      resumed.close();
      await expect.poll(() => [left.open, right.open]).toEqual([0, 0]);
    }
    const older = await openSession(here.url, { revision: '2025-06-18' });
    const plain = await listenTo(older);
    await expect.poll(() => left.open).toBe(1);
    left.push(logged('d'), 'left-3');
    await expect.poll(() => idsIn(plain).length).toBe(1);
    plain.close();
    const resumed = await listenTo(older, idsIn(plain)[0]);
    await expect.poll(() => resumed.text()).toBe(':\n\n');
  });
});

test('an event id that no header can carry is not promised to the client, and the answer is not asked for by it', async () => {
  const gets: unknown[] = [];
  const open: ServerResponse[] = [];
  const upstream = await startScripted(
    (message, response) => {
      const { progressToken } = message.params!['_meta'] as { progressToken: unknown };
      const say = sayEvents(response);
      const params = { progressToken, progress: 1 };
      say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }), '日');
      open.push(response);
    },
    {
      sessionId: 'odd-ids',
      get: ({ headers }, response) => {
        if (headers['last-event-id'] !== undefined) gets.push(headers['last-event-id']);
        response.writeHead(405).end();
      },
    },
  );
  const gateway = await startGateway({ config: { mcpServers: { odd: { url: upstream.url } } }, admin: false });
  const stream = await openStream(gateway.url, {
    headers: posting('Mcp-Session-Id', (await openSession(gateway.url)).token),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"odd__x","_meta":{"progressToken":7}}}',
  });
  await stream.until(reached(1));
  for (const response of open) response.destroy();
  await stream.ended;
  expect(seen(stream)).toEqual([1, -32_603]);
  expect([idsIn(stream), gets]).toEqual([[], []]);
});
