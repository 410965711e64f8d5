/** The GET stream: every upstream's pushes in one (2025-11-25 basic/transports §Listening for Messages from the Server). */
import { describe, expect, test, vi } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { OpenStream, Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import { logged, startPushing } from '../../support/pushing-upstream.ts';
import type { PushingUpstream } from '../../support/pushing-upstream.ts';
import { hang } from '../../support/raw-server.ts';

async function gatewayOf(upstreams: Readonly<Record<string, { readonly url: string }>>): Promise<string> {
  const mcpServers = Object.fromEntries(Object.entries(upstreams).map(([name, { url }]) => [name, { url }]));
  return (await startGateway({ config: { mcpServers }, admin: false })).url;
}

const says =
  (data: unknown) =>
  ({ params }: Rpc): boolean =>
    params?.['data'] === data;
const dataIn = (stream: OpenStream): unknown[] => stream.messages.map(({ params }) => params?.['data']);

/** As `expect.poll`, which concurrent tests cannot use. */
async function soon(look: () => unknown, value: unknown, timeout = 2_000): Promise<void> {
  await vi.waitFor(() => expect(look()).toEqual(value), { timeout, interval: 20 });
}

async function listenedTo(...upstreams: readonly PushingUpstream[]): Promise<void> {
  await soon(
    () => upstreams.map(({ open }) => open),
    upstreams.map(() => 1),
  );
}

test.concurrent('is open at once, with a first byte of its body, whatever the upstreams do', async () => {
  const upstream = await startPushing();
  upstream.answerGetWith(hang);
  const stream = await listenTo(await openSession(await gatewayOf({ upstream })));
  expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream']);
  await soon(() => stream.text(), ':\n\n');
});

test.concurrent('merges what every upstream pushes, each in its own order', async () => {
  const [one, two] = [await startPushing(), await startPushing()];
  const stream = await listenTo(await openSession(await gatewayOf({ one, two })));
  await listenedTo(one, two);
  one.push(logged('one 1'));
  two.push(logged('two 1'));
  one.push(logged('one 2'));
  two.push({ method: 'notifications/tools/list_changed' });
  await stream.until(says('one 2'));
  await stream.until(({ method }) => method === 'notifications/tools/list_changed');
  expect(dataIn(stream).filter((data) => String(data).startsWith('one'))).toEqual(['one 1', 'one 2']);
  expect(stream.messages).toHaveLength(4);
});

test.concurrent('is asked of every upstream with sessions, whatever it declares, and of one that answers 405 once', async () => {
  const quiet = await startPushing({ capabilities: { tools: {}, prompts: {}, resources: {} } });
  const refusing = await startPushing();
  refusing.answerGetWith((_request, response) => void response.writeHead(405).end());
  const url = await gatewayOf({ quiet, refusing });
  await listenTo(await openSession(url));
  await soon(() => refusing.gets.length, 1);
  await soon(() => quiet.gets.length, 1);
  await listenTo(await openSession(url));
  await soon(() => quiet.gets.length, 2);
  // Whoever answers 405 is asked no more, so a third upstream request would have come by the time of this answer.
  expect((await (await openSession(url)).ask('tools/call', { name: 'quiet__x' })).result).toEqual({});
  expect(refusing.gets.length).toBe(1);
});

for (const [method, capabilities, params] of [
  ['elicitation/create', { elicitation: {} }, { message: 'Who?', requestedSchema: {} }],
  [
    'elicitation/create',
    { elicitation: { url: {} } },
    { mode: 'url', message: 'There', url: 'https://x.example', elicitationId: '1' },
  ],
  ['sampling/createMessage', { sampling: {} }, { messages: [], maxTokens: 1 }],
  ['roots/list', { roots: {} }, {}],
] as const) {
  test.concurrent(`brings the ${method} of a server that pushes nothing, for ${JSON.stringify(capabilities)}`, async () => {
    const quiet = await startPushing({ capabilities: { tools: {} } });
    const session = await openSession(await gatewayOf({ quiet }), { capabilities });
    const stream = await listenTo(session);
    await listenedTo(quiet);
    quiet.push({ id: 'q', method, params });
    const { id } = await stream.until((message) => message.method === method);
    expect((await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: {} }))).status).toBe(202);
    expect(quiet.server.requests.at(-1)?.json).toEqual({ jsonrpc: '2.0', id: 'q', result: {} });
  });
}

for (const capabilities of [
  { tools: { listChanged: true } },
  { prompts: { listChanged: true } },
  { resources: { listChanged: true } },
  { resources: { subscribe: true } },
  { logging: {} },
]) {
  test.concurrent(`is asked of an upstream with ${JSON.stringify(capabilities)}`, async () => {
    const upstream = await startPushing({ capabilities });
    await listenTo(await openSession(await gatewayOf({ upstream })));
    await listenedTo(upstream);
  });
}

describe('when the stream of one upstream', () => {
  for (const [what, happens] of [
    ['ends', (upstream: PushingUpstream) => upstream.end()],
    ['breaks', (upstream: PushingUpstream) => upstream.cut()],
  ] as const) {
    test.concurrent(`${what}, the others go on, and it is joined again from where it was`, async () => {
      const [one, two] = [await startPushing(), await startPushing()];
      const stream = await listenTo(await openSession(await gatewayOf({ one, two })));
      await listenedTo(one, two);
      one.push(logged('before'), 'one-7');
      await stream.until(says('before'));
      happens(one);
      two.push(logged('meanwhile'));
      await stream.until(says('meanwhile'));
      await soon(() => one.gets.map(({ lastEventId }) => lastEventId), [undefined, 'one-7'], 5_000);
      await listenedTo(one);
      one.push(logged('after'), 'one-8');
      await stream.until(says('after'));
      expect([two.gets.length, dataIn(stream)]).toEqual([1, ['before', 'meanwhile', 'after']]);
    });
  }

  test.concurrent('ends with `retry`, it is asked again after that time and not before', async () => {
    const upstream = await startPushing();
    await listenTo(await openSession(await gatewayOf({ upstream })));
    await listenedTo(upstream);
    upstream.end('retry: 2500\n\n');
    const endedMs = performance.now();
    await soon(() => upstream.gets.length, 2, 8_000);
    expect(upstream.gets[1]!.atMs - endedMs).toBeGreaterThanOrEqual(2_500);
  });

  test.concurrent('cannot be opened, it is asked again ever more rarely', async () => {
    const upstream = await startPushing();
    upstream.answerGetWith((_request, response) => void response.writeHead(503).end());
    await listenTo(await openSession(await gatewayOf({ upstream })));
    await soon(() => upstream.gets.length, 3, 8_000);
    const [first, second, third] = upstream.gets.map(({ atMs }) => atMs);
    expect(second! - first!).toBeGreaterThanOrEqual(1_000);
    expect(third! - second!).toBeGreaterThanOrEqual(2_000);
  });

  test.concurrent('is closed each time as soon as it is open, that is no reason to ask at once', async () => {
    const upstream = await startPushing();
    upstream.answerGetWith(
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
    );
    await listenTo(await openSession(await gatewayOf({ upstream })));
    await soon(() => upstream.gets.length, 3, 8_000);
    const [, second, third] = upstream.gets.map(({ atMs }) => atMs);
    expect(third! - second!).toBeGreaterThanOrEqual(2_000);
  });

  test.concurrent('can no longer be resumed, it is joined afresh', async () => {
    const upstream = await startPushing();
    const stream = await listenTo(await openSession(await gatewayOf({ upstream })));
    await listenedTo(upstream);
    upstream.push(logged('before'), 'old');
    await stream.until(says('before'));
    upstream.answerGetWith((request, response) => {
      if (request.headers['last-event-id'] === undefined) response.writeHead(503).end();
      else response.writeHead(400).end('unknown event id');
    });
    upstream.cut();
    await soon(() => upstream.gets.map(({ lastEventId }) => lastEventId), [undefined, 'old', undefined], 8_000);
  });

  test.concurrent('brings what is no message, the rest of it arrives', async () => {
    const upstream = await startPushing();
    const stream = await listenTo(await openSession(await gatewayOf({ upstream })));
    await listenedTo(upstream);
    upstream.push({ jsonrpc: '1.0', method: 3 });
    upstream.push({ id: 4, result: {} });
    upstream.push(logged('good'));
    await stream.until(says('good'));
    expect(stream.messages).toHaveLength(1);
  });
});

describe('a second GET of the same session', () => {
  test.concurrent('is a stream of its own, and the first one stays', async () => {
    const upstream = await startPushing({ onlyOne: true });
    const session = await openSession(await gatewayOf({ upstream }));
    const first = await listenTo(session);
    await listenedTo(upstream);
    const second = await listenTo(session);
    await soon(() => upstream.gets.length, 2);
    upstream.push(logged('once'));
    await first.until(says('once'));
    expect([first.messages.length, second.status, second.messages.length]).toEqual([1, 200, 0]);
  });

  test.concurrent('gets what the first one had when that is gone, within seconds', async () => {
    const upstream = await startPushing({ onlyOne: true });
    const session = await openSession(await gatewayOf({ upstream }));
    const first = await listenTo(session);
    await listenedTo(upstream);
    const second = await listenTo(session);
    await soon(() => upstream.gets.length, 2);
    first.close();
    await soon(() => upstream.open, 0);
    await soon(() => upstream.open, 1, 5_000);
    upstream.push(logged('mine'));
    await second.until(says('mine'));
  });

  test.concurrent('is told of a change of the gateway’s own in the place of the first: one message, one stream', async () => {
    const late = await startPushing();
    const upstream = await startPushing();
    await late.server.stop();
    const session = await openSession(await gatewayOf({ upstream, late }));
    const [first, second] = [await listenTo(session), await listenTo(session)];
    await late.server.restart();
    await session.ask('tools/call', { name: 'late__x' });
    await second.until(({ method }) => method === 'notifications/resources/list_changed');
    expect(second.messages.map(({ method }) => method)).toEqual([
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/resources/list_changed',
    ]);
    expect(first.messages).toEqual([]);
  });
});

test.concurrent('an upstream whose session is opened later is listened to on the stream that is open already', async () => {
  const late = await startPushing();
  const upstream = await startPushing();
  await late.server.stop();
  const session = await openSession(await gatewayOf({ upstream, late }));
  const stream = await listenTo(session);
  await late.server.restart();
  await session.ask('tools/call', { name: 'late__x' });
  await listenedTo(late);
  late.push(logged('here I am'));
  await stream.until(says('here I am'));
});

test.concurrent('an upstream that has lost the session is joined with a new one', async () => {
  const upstream = await startPushing();
  const stream = await listenTo(await openSession(await gatewayOf({ upstream })));
  await listenedTo(upstream);
  let isLost = true;
  upstream.answerGetWith((_request, response) => {
    if (!isLost) upstream.answerGetWith(undefined);
    isLost = false;
    response.writeHead(404).end();
  });
  upstream.cut();
  await soon(() => upstream.gets.length, 4, 10_000);
  await listenedTo(upstream);
  upstream.push(logged('again'));
  await stream.until(says('again'));
  const begun = upstream.server.requests.filter(({ json }) => (json as Rpc | undefined)?.method === 'initialize');
  expect(begun.length).toBeGreaterThan(1);
});
