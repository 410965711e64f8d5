/**
 * How the gateway watches resources for clients of the other era, against upstreams that do as the test says (2026-07-28
 * basic/patterns/subscriptions).
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { startQuiet } from '../../support/quiet-upstream.ts';
import { subscribe } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import { startPushing } from '../../support/pushing-upstream.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const updated = 'notifications/resources/updated';
const touch = (uri: string): { method: string; params: object } => ({ method: updated, params: { uri } });
const urisOf = (messages: readonly Rpc[]): unknown[] =>
  messages.filter(({ method }) => method === updated).map(({ params }) => params?.['uri']);
const gatewayOf = (url: string): Promise<GatewayProcess> =>
  startQuiet().then((quiet) =>
    startGateway({ config: { mcpServers: { up: { url }, quiet: { url: quiet } } }, admin: false }),
  );

describe('for a client of the session era', () => {
  interface Listen {
    readonly uris: unknown;
    say(message: object): void;
    readonly isOpen: boolean;
    end(): void;
  }
  let listens: Listen[];
  /** What comes before the acknowledgement of each subscription. */
  let acknowledging: Promise<void>;
  let upstream: ModernUpstream;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    listens = [];
    acknowledging = Promise.resolve();
    upstream = await startModern(
      async (message, response) => {
        const { id, method, params } = message;
        if (method !== 'subscriptions/listen') {
          sayJson(response, completed(message, { resources: [], resourceTemplates: [] }));
          return;
        }
        const asked = params?.['notifications'] as { resourceSubscriptions?: unknown } | undefined;
        const write = sayEvents(response);
        const say = (message: object): void => write(JSON.stringify({ jsonrpc: '2.0', ...message }));
        listens.push({
          uris: asked?.resourceSubscriptions,
          say,
          get isOpen() {
            return !response.closed;
          },
          end: () => void response.end(),
        });
        await acknowledging;
        const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
        say({ method: 'notifications/subscriptions/acknowledged', params: { notifications: {}, _meta } });
      },
      { resources: { subscribe: true } },
    );
    gateway = await gatewayOf(upstream.url);
  });

  test('the narrower subscription is let go of only when the wider one is acknowledged, and so is the answer', async () => {
    const session = await openSession(gateway.url);
    await session.ask('resources/subscribe', { uri: 'up+memo://1' });
    const stream = await listenTo(session);
    await expect.poll(() => listens.length).toBe(1);
    expect(listens[0]?.uris).toEqual(['memo://1']);
    const slow = Promise.withResolvers<void>();
    acknowledging = slow.promise;
    let isAnswered = false;
    const answered = session.ask('resources/subscribe', { uri: 'up+memo://2' }).then(() => (isAnswered = true));
    await expect.poll(() => listens.length).toBe(2);
    // Another before the first of them is open: it takes the place of the one that is.
    const again = session.ask('resources/subscribe', { uri: 'up+memo://3' });
    await expect.poll(() => listens.length).toBe(3);
    await expect.poll(() => listens[1]?.isOpen).toBe(false);
    listens[0]?.say(touch('memo://1'));
    await stream.until(({ method }) => method === updated);
    expect([listens[0]?.isOpen, listens[2]?.isOpen, isAnswered]).toEqual([true, true, true]);
    slow.resolve();
    await Promise.all([answered, again]);
    await expect.poll(() => listens.map(({ isOpen }) => isOpen)).toEqual([false, false, true]);
    expect(listens[2]?.uris).toEqual(['memo://1', 'memo://2', 'memo://3']);
    listens[2]?.say(touch('memo://3'));
    await stream.until(({ params }) => params?.['uri'] === 'up+memo://3');
  });

  test('an upstream that never acknowledges keeps nobody waiting for its answer', async () => {
    const session = await openSession(gateway.url);
    await listenTo(session);
    await expect.poll(() => listens.length).toBe(1);
    acknowledging = new Promise(() => {});
    expect((await session.ask('resources/subscribe', { uri: 'up+memo://1' })).result).toEqual({});
  });

  test('a subscription that has broken is taken up with all that is watched', async () => {
    const session = await openSession(gateway.url);
    await session.ask('resources/subscribe', { uri: 'up+memo://1' });
    await listenTo(session);
    await expect.poll(() => listens.length).toBe(1);
    listens[0]?.end();
    await expect.poll(() => listens[1]?.uris).toEqual(['memo://1']);
  });

  test('nothing is listened for when the client is gone', async () => {
    const session = await openSession(gateway.url);
    await session.ask('resources/subscribe', { uri: 'up+memo://1' });
    const stream = await listenTo(session);
    await expect.poll(() => listens.length).toBe(1);
    stream.close();
    await expect.poll(() => listens[0]?.isOpen).toBe(false);
  });
});

describe('for a client of 2026-07-28', () => {
  const resources = { resources: { subscribe: true } };

  test('what lies below a resource is told, and what only looks like it or was never asked for is not', async () => {
    const upstream = await startPushing({ capabilities: resources });
    const gateway = await gatewayOf(upstream.url);
    const stream = await subscribe(gateway.url, { resourceSubscriptions: ['up+memo://days', 'up+memo://all/'] });
    await stream.until(() => true);
    for (const uri of ['memo://days2', 'memo://da', 'memo://else', 'memo://days/1', 'memo://days?n=1', 'memo://all/1'])
      upstream.push(touch(uri));
    upstream.push({ method: 'notifications/message', params: { level: 'error', data: 'x' } });
    upstream.push({ method: updated, params: {} });
    upstream.push(touch('memo://days'));
    await stream.until(({ params }) => params?.['uri'] === 'up+memo://days');
    expect(urisOf(stream.messages)).toEqual([
      'up+memo://days/1',
      'up+memo://days?n=1',
      'up+memo://all/1',
      'up+memo://days',
    ]);
    expect(stream.messages).toHaveLength(5);
  });

  test('what the upstream refuses is not promised, and with nothing left its session is ended', async () => {
    const asked: unknown[] = [];
    let sessions = 0;
    const upstream = await startScripted(
      (message, response) => {
        if (message.method !== 'resources/subscribe') {
          sayJson(response, resultOf(message, {}));
          return;
        }
        asked.push(message.params?.['uri']);
        const error = { code: -32602, message: 'no' };
        if (message.params?.['uri'] === 'memo://1') sayJson(response, resultOf(message, {}));
        else sayJson(response, JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
      },
      {
        capabilities: resources,
        get sessionId() {
          sessions += 1;
          return `session-${sessions}`;
        },
        get: (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      },
    );
    const gateway = await gatewayOf(upstream.url);
    for (const [uris, promised] of [
      [['up+memo://1', 'up+memo://2', 'up+memo://1'], { resourceSubscriptions: ['up+memo://1'] }],
      [['up+memo://2'], {}],
    ] as const) {
      const stream = await subscribe(gateway.url, { resourceSubscriptions: uris });
      expect((await stream.until(() => true)).params?.['notifications']).toEqual(promised);
    }
    expect(asked).toEqual(['memo://1', 'memo://2', 'memo://2']);
    const deletes = (): unknown[] =>
      upstream.requests.filter(({ method }) => method === 'DELETE').map(({ headers }) => headers['mcp-session-id']);
    // The first is that of the greeting.
    await expect.poll(deletes).toEqual(['session-1', 'session-4']);
  });

  test('an upstream without a stream to tell on promises nothing', async () => {
    const upstream = await startPushing({ capabilities: resources });
    upstream.answerGetWith((_request, response) => void response.writeHead(405).end());
    const gateway = await gatewayOf(upstream.url);
    const stream = await subscribe(gateway.url, { resourceSubscriptions: ['up+memo://1'], toolsListChanged: true });
    expect((await stream.until(() => true)).params?.['notifications']).toEqual({ toolsListChanged: true });
  });

  test('a client that leaves before the upstream has agreed leaves no session behind', async () => {
    const agreeing = Promise.withResolvers<void>();
    let sessions = 0;
    const upstream = await startScripted(
      async (message, response) => {
        if (message.method === 'resources/subscribe') await agreeing.promise;
        sayJson(response, resultOf(message, {}));
      },
      {
        capabilities: resources,
        get sessionId() {
          sessions += 1;
          return `session-${sessions}`;
        },
        get: (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      },
    );
    const gateway = await gatewayOf(upstream.url);
    const stream = await subscribe(gateway.url, { resourceSubscriptions: ['up+memo://1'] });
    const asked = (): number =>
      upstream.requests.filter(({ json }) => (json as Rpc | undefined)?.method === 'resources/subscribe').length;
    await expect.poll(asked).toBe(1);
    stream.close();
    const deletes = (): unknown[] =>
      upstream.requests.filter(({ method }) => method === 'DELETE').map(({ headers }) => headers['mcp-session-id']);
    await expect.poll(deletes).toEqual(['session-1', 'session-3']);
    agreeing.resolve();
  });

  test('an upstream is asked for 16 resources at once, and given 5 s for all of them', async () => {
    let underWay = 0;
    let most = 0;
    const upstream = await startScripted(
      async (message, response) => {
        if (message.method === 'resources/subscribe') {
          underWay += 1;
          most = Math.max(most, underWay);
          await new Promise((resolve) => setTimeout(resolve, 20));
          underWay -= 1;
          // From here on it says nothing any more.
          if (message.params?.['uri'] === 'memo://39') return;
        }
        sayJson(response, resultOf(message, {}));
      },
      {
        capabilities: resources,
        sessionId: 'one',
        get: (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      },
    );
    const gateway = await gatewayOf(upstream.url);
    const uris = Array.from({ length: 40 }, (_, at) => `up+memo://${at}`);
    const stream = await subscribe(gateway.url, { resourceSubscriptions: uris });
    const { params } = await stream.until(() => true);
    expect(params?.['notifications']).toEqual({ resourceSubscriptions: uris.slice(0, 39) });
    expect(most).toBe(16);
  });
});
