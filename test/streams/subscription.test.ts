/** `subscriptions/listen`: what is acknowledged, and what comes after, before upstreams that the test plays. */
import { expect, test, vi } from 'vitest';
import type { Client } from '../../src/clients/client.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import { Subscription } from '../../src/streams/subscription.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { maxSubscribedUris } from '../../src/transport/http/limits.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aCall, type RecordingOutlet } from '../calls/an-outlet.ts';
import { aClient, aSession, upstreamAt } from '../clients/a-client.ts';
import { aHost, changed, eventOf, type PlayedHost } from './a-host.ts';

const [one, two] = [upstreamAt(undefined, {}, 'one'), upstreamAt(undefined, {}, 'two')];
const watching = serverCapability.resourcesSubscribe | serverCapability.toolsListChanged;

interface Subscribed {
  readonly subscription: Subscription;
  readonly host: PlayedHost;
  readonly outlet: RecordingOutlet;
  readonly client: Client;
  readonly over: Subscription[];
}

function subscribing(notifications: object, id: number | string = 1): Subscribed {
  const host = aHost();
  const client = aClient({ revision: '2026-07-28' });
  const sessions = new Map(
    [one, two].map((upstream) => [
      upstream,
      aSession({ upstream, revision: '2026-07-28', isShared: true, capabilities: watching }),
    ]),
  );
  vi.spyOn(client.sessions, 'peek').mockImplementation((upstream) => sessions.get(upstream));
  const opener = new SessionOpener({
    adapter: host.adapter,
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  const over: Subscription[] = [];
  const call = aCall(client, { method: 'subscriptions/listen', params: { notifications }, id });
  const subscription = new Subscription(
    { ...host, opener, reaches: () => true, mayWatch: () => true, unsubscribed: (ended) => void over.push(ended) },
    call,
    new Upstreams([one, two]),
  );
  return { subscription, host, outlet: call.outlet, client, over };
}

/** Started, with upstreams that listen at once. */
async function begun(notifications: object, id?: string): Promise<Subscribed> {
  const all = subscribing(notifications, id);
  all.subscription.start();
  await expect.poll(() => all.host.listens.length).toBe(2);
  for (const { sink } of all.host.listens) sink.onStream();
  await expect.poll(() => all.outlet.told.length).toBeGreaterThan(1);
  return all;
}

const messages = ({ told }: RecordingOutlet): { method?: string; params: Record<string, unknown> }[] =>
  told.flatMap((each) => (each.startsWith('events data: ') ? [JSON.parse(each.slice(13)) as never] : []));

test('what is agreed to comes first, under the id of the request', async () => {
  const asked = { toolsListChanged: true, resourceSubscriptions: ['one+a:b', 'other:c'] };
  const { outlet, host } = await begun(asked, 'x');
  expect(outlet.told[0]).toBe('stream');
  expect(messages(outlet)).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: ['one+a:b'] },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 'x' },
      },
    },
  ]);
  // Each upstream is asked by its own URIs.
  expect(host.listens.map(({ wants }) => wants?.uris)).toEqual([['a:b'], []]);
});

test('what comes before the acknowledgement waits for it', async () => {
  const { subscription, outlet, host } = subscribing({ toolsListChanged: true });
  subscription.start();
  await expect.poll(() => host.listens.length).toBe(2);
  host.listens[0]!.sink.onEvent(eventOf(changed));
  expect(outlet.told).toEqual(['stream']);
  for (const { sink } of host.listens) sink.onStream();
  await expect
    .poll(() => messages(outlet).map(({ method }) => method))
    .toEqual(['notifications/subscriptions/acknowledged', changed.method]);
});

test('only what was asked for passes', async () => {
  const { outlet, host } = await begun({ promptsListChanged: true, resourceSubscriptions: ['one+a:b'] });
  const [first, second] = host.listens;
  const updated = { method: 'notifications/resources/updated', params: { uri: 'a:b' } };
  for (const message of [changed, updated, { method: 'notifications/message', params: { level: 'info', data: 1 } }])
    first!.sink.onEvent(eventOf(message));
  // The other upstream is not watched.
  second!.sink.onEvent(eventOf(updated));
  second!.sink.onEvent(eventOf({ method: 'notifications/prompts/list_changed' }));
  expect(
    messages(outlet)
      .slice(1)
      .map(({ method, params }) => [method, params['uri']]),
  ).toEqual([
    ['notifications/resources/updated', 'one+a:b'],
    ['notifications/prompts/list_changed', undefined],
  ]);
});

test('a client that reads slowly pauses every upstream', async () => {
  const { outlet, host, subscription } = await begun({ toolsListChanged: true });
  outlet.isFull = true;
  host.listens[0]!.sink.onEvent(eventOf(changed));
  expect([subscription.isFull, host.listens.map(({ isPaused }) => isPaused)]).toEqual([true, [true, true]]);
  outlet.owner!.onDrain();
  expect([subscription.isFull, host.listens.map(({ isPaused }) => isPaused)]).toEqual([false, [false, false]]);
});

test('an upstream that leaves the route is no longer listened to', async () => {
  const { host, subscription } = await begun({ toolsListChanged: true });
  subscription.part(one);
  expect(host.listens.map(({ isAborted }) => isAborted)).toEqual([true, false]);
});

test('it ends with a result, or with its client, and once', async () => {
  const ended = await begun({ toolsListChanged: true }, 'x');
  ended.subscription.end();
  ended.subscription.end();
  ended.outlet.owner!.onGone();
  expect(ended.outlet.told.at(-1)).toContain('"id":"x","result":{"resultType":"complete"');
  expect([ended.over.length, ended.host.listens.every(({ isAborted }) => isAborted)]).toEqual([1, true]);
  const left = await begun({ toolsListChanged: true });
  left.outlet.owner!.onGone();
  expect(left.over).toEqual([left.subscription]);
});

test('a filter that is none, or names too many, is invalid', () => {
  const invalid = expect.objectContaining({ code: 'params_invalid' }) as Error;
  const uris = Array.from({ length: maxSubscribedUris + 1 }, (_each, at) => `one+a:${at}`);
  expect(() => subscribing({ resourceSubscriptions: uris })).toThrow(invalid);
  expect(() => subscribing([])).toThrow(invalid);
  subscribing({ resourceSubscriptions: uris.slice(1) });
});
