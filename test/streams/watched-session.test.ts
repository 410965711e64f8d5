/** Resources that one subscription watches in a session of its own. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import { WatchedSession, type Resource } from '../../src/streams/watched-session.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import { subscribesAtOnce } from '../../src/transport/http/limits.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { aClient, upstreamAt } from '../clients/a-client.ts';
import { aHost, emptyResult, eventOf, type PlayedHost } from './a-host.ts';

const upstream = upstreamAt();
let host: PlayedHost;
let updates: string[];
let opened: number;
let sessionId: string | undefined;
let capabilities: number;

beforeEach(() => {
  [host, updates, opened] = [aHost(), [], 0];
  [sessionId, capabilities] = ['own', serverCapability.resourcesSubscribe];
});

function watching(resources: readonly Resource[]): WatchedSession {
  const opener = new SessionOpener({
    adapter: {
      ...host.adapter,
      open: () => {
        opened += 1;
        return Promise.resolve({
          sessionId: sessionId && `${sessionId}${opened}`,
          revision: '2025-11-25',
          capabilities,
        });
      },
    },
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  const owner = {
    client: aClient({ revision: '2026-07-28' }),
    host: Object.assign(host, { opener }),
    caller: nobody,
    isFull: false,
    updated: (body: Buffer) =>
      void updates.push((JSON.parse(body.toString()) as { params: { uri: string } }).params.uri),
  };
  return new WatchedSession(owner, upstream, resources);
}

const resource = (uri: string): Resource => ({ outward: `up+${uri}`, inward: uri });
const updated = (uri: string): Buffer =>
  Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } }));

/** Begins, with an upstream that opens its stream at once. */
async function begun(watched: WatchedSession): Promise<readonly Resource[]> {
  const beginning = watched.begin();
  await expect.poll(() => host.listens.length + host.ended.length).toBeGreaterThan(0);
  host.listens.at(-1)?.sink.onStream();
  return await beginning;
}

test('what the upstream agrees to is watched, once its stream is open', async () => {
  host.answer = (_method, params) =>
    params.includes('bad')
      ? Promise.resolve(Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}'))
      : emptyResult();
  const watched = watching(['a:1', 'a:bad', 'a:2'].map(resource));
  const beginning = watched.begin();
  await expect.poll(() => host.listens.length).toBe(1);
  expect(host.asks).toEqual([]);
  host.listens[0]!.sink.onStream();
  expect((await beginning).map(({ inward }) => inward)).toEqual(['a:1', 'a:2']);
  expect(host.asks[0]).toBe('resources/subscribe {"uri":"a:1"}');
});

test('a few are asked for at once', async () => {
  let underWay = 0;
  let most = 0;
  host.answer = async () => {
    most = Math.max(most, (underWay += 1));
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return emptyResult();
  };
  const agreed = await begun(
    watching(Array.from({ length: 3 * subscribesAtOnce }, (_each, at) => resource(`a:${at}`))),
  );
  expect([agreed.length, most]).toEqual([3 * subscribesAtOnce, subscribesAtOnce]);
});

describe('an update', () => {
  test('is of a watched resource or within it', async () => {
    const watched = watching(['a:one', 'a:dir/'].map(resource));
    await begun(watched);
    const uris = ['up+a:one', 'up+a:one/part', 'up+a:one?x', 'up+a:one#y', 'up+a:dir/z', 'up+a:oneself', 'up+a:other'];
    for (const uri of uris) watched.write(updated(uri));
    watched.write(Buffer.from('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'));
    expect(updates).toEqual(uris.slice(0, 5));
  });

  test('may have been missed with a lost session: each resource is reported', async () => {
    const watched = watching(['a:1', 'a:2'].map(resource));
    await begun(watched);
    expect((await watched.renew()).sessionId).toBe('own2');
    expect([updates, host.asks.length]).toEqual([[], 4]);
    watched.opened();
    watched.opened();
    expect(updates).toEqual(['up+a:1', 'up+a:2']);
  });
});

test.each([
  ['keeps no session', () => (sessionId = undefined)],
  ['has no subscriptions', () => (capabilities = 0)],
])('an upstream that %s watches nothing', async (_what, set) => {
  set();
  expect(await watching([resource('a:1')]).begin()).toEqual([]);
  expect([host.listens, host.asks]).toEqual([[], []]);
});

test('its session ends with it, once, and when nothing was agreed to', async () => {
  const watched = watching([resource('a:1')]);
  await begun(watched);
  watched.stop();
  watched.leave();
  expect([host.ended, host.listens[0]!.isAborted]).toEqual([['own1'], true]);
  host.answer = () => Promise.reject(new GatewayError('upstream_timeout'));
  host.listens.length = 0;
  expect(await begun(watching([resource('a:1')]))).toEqual([]);
  expect(host.ended).toEqual(['own1', 'own2']);
});

test('its session is another than that of the client, so updates of others do not come', async () => {
  await begun(watching([resource('a:1')]));
  expect([opened, host.listens[0]!.to.session.sessionId]).toEqual([1, 'own1']);
  host.listens[0]!.sink.onEvent(eventOf({ method: 'notifications/resources/updated', params: { uri: 'a:2' } }));
  expect(updates).toEqual([]);
});
