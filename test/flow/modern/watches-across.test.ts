/**
 * Updates of resources where client and upstream are of different eras, through real peers of both (2025-11-25 server/resources
 * §Subscriptions).
 */
import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { subscribe } from '../../support/modern-client.ts';
import type { ModernServer } from '../../support/modern-server.ts';
import { startModernServer } from '../../support/modern-server.ts';
import type { OpenStream, Rpc } from '../../support/plain-client.ts';
import { listenTo, openSession, send } from '../../support/plain-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { startQuiet } from '../../support/quiet-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';
import { freePort } from '../../support/free-port.ts';

const updated = 'notifications/resources/updated';
const stamp = 'io.modelcontextprotocol/subscriptionId';
const urisOf = (messages: readonly Rpc[]): unknown[] =>
  messages.filter(({ method }) => method === updated).map(({ params }) => params?.['uri']);

describe('a client of 2025-11-25 at an upstream of 2026-07-28', () => {
  let modern: ModernServer;
  let one: GatewayProcess;
  let two: GatewayProcess;
  const uri = 'new+memo://today';

  beforeAll(async () => {
    modern = await startModernServer();
    const config = { mcpServers: { new: { url: modern.url }, quiet: { url: await startQuiet() } } };
    const keysFile = await makeKeysFile();
    const [first, second] = [await freePort(), await freePort()];
    const common = { config, keysFile, admin: false };
    one = await startGateway({ ...common, port: first, args: ['--workers', '2', '--peers', `127.0.0.1:${second}`] });
    two = await startGateway({ ...common, port: second, args: ['--peers', `127.0.0.1:${first}`] });
  });

  /** Touches the resource until the stream has told of it: a worker hears a little later than its replica. */
  const toldOn = async (stream: OpenStream, uri = 'memo://today'): Promise<void> => {
    const before = urisOf(stream.messages).length;
    await expect
      .poll(
        () => {
          modern.touch(uri);
          return urisOf(stream.messages).length;
        },
        { timeout: 15_000 },
      )
      .toBeGreaterThan(before);
  };

  test('that is the SDK’s own is offered subscriptions, and hears of what it has subscribed to at once', async () => {
    const heard: string[] = [];
    const { client, transport } = await sdkClient(two.url);
    expect(client.getServerCapabilities()?.resources).toEqual({ subscribe: true, listChanged: true });
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
    await expect.poll(() => modern.listens.length).toBe(1);
    await client.subscribeResource({ uri });
    modern.touch('memo://today');
    await expect.poll(() => heard).toEqual([uri]);
    await client.unsubscribeResource({ uri });
    modern.touch('memo://today');
    modern.touch('memo://else');
    await client.subscribeResource({ uri: 'new+memo://more' });
    modern.touch('memo://more');
    await expect.poll(() => heard).toEqual([uri, 'new+memo://more']);
    await transport.terminateSession();
  });

  test('subscribes at one replica, whichever holds its stream, and before or after the stream is there', async () => {
    for (const [at, listening] of [
      [one, two],
      [two, one],
    ] as const) {
      const before = await openSession(at.url);
      expect((await before.ask('resources/subscribe', { uri })).result).toEqual({});
      const stream = await listenTo(before.at(listening.url));
      await toldOn(stream);
      expect((await before.ask('resources/subscribe', { uri: 'new+memo://more' })).result).toEqual({});
      await toldOn(stream, 'memo://more');
      await toldOn(stream);
      expect(stream.text()).not.toContain('subscriptionId');
      // Unsubscribed, it is not told any more.
      for (const each of [uri, 'new+memo://more']) await before.ask('resources/unsubscribe', { uri: each });
      await expect.poll(() => modern.listens.at(-1)?.['resourceSubscriptions']).toBeUndefined();
      stream.close();
    }
  });

  test('with two streams is told on the newest alone, and on the other when that is closed', async () => {
    const session = await openSession(two.url);
    await session.ask('resources/subscribe', { uri });
    const older = await listenTo(session);
    await toldOn(older);
    const newer = await listenTo(session);
    await expect.poll(() => modern.listens.at(-1)?.['resourceSubscriptions']).toBeUndefined();
    await toldOn(newer);
    const told = urisOf(older.messages).length;
    await toldOn(newer);
    expect(urisOf(older.messages)).toHaveLength(told);
    newer.close();
    await toldOn(older);
  });

  test('hears nothing of what another session watches, nor after its own end', async () => {
    const [mine, other] = [await openSession(two.url), await openSession(two.url)];
    await mine.ask('resources/subscribe', { uri });
    const [stream, theirs] = [await listenTo(mine), await listenTo(other)];
    await toldOn(stream);
    expect(urisOf(theirs.messages)).toEqual([]);
    await send(one.url, { method: 'DELETE', headers: ['Mcp-Session-Id', mine.token] });
    await stream.ended;
  });

  test('may watch 256 resources and gets -32602 for one more, and for one that is nowhere', async () => {
    const session = await openSession(two.url);
    for (let at = 0; at < 256; at += 1)
      expect((await session.ask('resources/subscribe', { uri: `new+memo://${at}` })).result).toEqual({});
    expect((await session.ask('resources/subscribe', { uri: 'new+memo://more' })).error?.code).toBe(-32602);
    const long = `new+memo://${'x'.repeat(2_050)}`;
    expect((await session.ask('resources/subscribe', { uri: long })).error?.code).toBe(-32602);
    expect((await session.ask('resources/subscribe', { uri: 'old+memo://x' })).error?.code).toBe(-32002);
  });

  test('without a session is refused, as it has no stream that would be its own', async () => {
    const answer = await fetch(two.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } }),
    });
    expect(((await answer.json()) as Rpc).error?.code).toBe(-32601);
  });
});

describe('a client of 2026-07-28 at an upstream of 2025-11-25', () => {
  let legacy: StatefulServer;
  let gateway: GatewayProcess;
  const uri = 'old+memo://today';

  beforeAll(async () => {
    legacy = await startStatefulServer({ name: 'old' });
    const config = { mcpServers: { old: { url: legacy.url }, quiet: { url: await startQuiet() } } };
    gateway = await startGateway({ config, admin: false });
  });

  test('that is the SDK’s own subscribes, hears of the resource, and leaves nothing behind at the upstream', async () => {
    const client = new ModernClient(
      { name: 'v2', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    closedAtTheEnd(() => client.close());
    const heard: unknown[] = [];
    client.setNotificationHandler(updated, ({ params }) => void heard.push(params.uri));
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)));
    expect(client.getServerCapabilities()?.resources).toEqual({ subscribe: true, listChanged: true });
    await client.listResources();
    const before = legacy.sessionIds();
    const subscription = await client.listen({ resourceSubscriptions: [uri] });
    expect(legacy.sessionIds()).toHaveLength(before.length + 1);
    expect(await legacy.touch('memo://today')).toBe(1);
    await expect.poll(() => heard).toEqual([uri]);
    await subscription.close();
    await expect.poll(() => legacy.sessionIds()).toEqual(before);
  });

  test('is told under its own id, of what it named and what lies below, and of nothing that another watches', async () => {
    const stream = await subscribe(gateway.url, { resourceSubscriptions: [uri, 'old+memo://days'] }, '7');
    const other = await subscribe(gateway.url, { resourceSubscriptions: ['old+memo://logo'] });
    const acknowledged = await stream.until(() => true);
    expect(acknowledged.params).toEqual({
      notifications: { resourceSubscriptions: [uri, 'old+memo://days'] },
      _meta: { [stamp]: 7 },
    });
    await other.until(() => true);
    await legacy.touch('memo://logo');
    await other.until(({ method }) => method === updated);
    await legacy.touch('memo://today');
    const first = await stream.until(({ method }) => method === updated);
    expect(first.params).toEqual({ uri, _meta: { [stamp]: 7 } });
    expect(urisOf(stream.messages)).toEqual([uri]);
    stream.close();
    other.close();
  });

  test('is promised only what an upstream has agreed to', async () => {
    const stream = await subscribe(gateway.url, { resourceSubscriptions: [uri, 'nowhere+memo://x', 'bare:x'] });
    const { params } = await stream.until(() => true);
    expect(params?.['notifications']).toEqual({ resourceSubscriptions: [uri] });
    stream.close();
  });

  test('is told on after the upstream has lost its sessions, and that it may have missed something', async () => {
    const stream = await subscribe(gateway.url, { resourceSubscriptions: [uri] });
    await stream.until(() => true);
    await legacy.restart();
    // Said by the gateway: the upstream has said nothing.
    await expect.poll(() => urisOf(stream.messages), { timeout: 20_000 }).toEqual([uri]);
    expect(await legacy.touch('memo://today')).toBe(1);
    await expect.poll(() => urisOf(stream.messages)).toEqual([uri, uri]);
    stream.close();
    await expect.poll(() => legacy.touch('memo://today')).toBe(0);
  });
});

describe('a client of 2026-07-28 whose upstreams are down when it subscribes', () => {
  test('is promised nothing of theirs, and is told of it all the same when they are back', async () => {
    const old = await startStatefulServer({ name: 'old' });
    const modern = await startModernServer();
    const there = await startStatefulServer({ name: 'there' });
    const config = { mcpServers: { old: { url: old.url }, new: { url: modern.url }, there: { url: there.url } } };
    await Promise.all([old.stop(), modern.stop()]);
    const gateway = await startGateway({ config, admin: false });
    const uris = ['old+memo://today', 'new+memo://today', 'there+memo://today'];
    const stream = await subscribe(gateway.url, { resourceSubscriptions: uris });
    const { params } = await stream.until(() => true);
    expect(params?.['notifications']).toEqual({ resourceSubscriptions: ['there+memo://today'] });
    await Promise.all([old.restart(), modern.start()]);
    await expect
      .poll(
        async () => {
          await old.touch('memo://today');
          modern.touch('memo://today');
          return new Set(urisOf(stream.messages));
        },
        { timeout: 30_000, interval: 500 },
      )
      .toEqual(new Set(['old+memo://today', 'new+memo://today']));
  }, 60_000);
});
