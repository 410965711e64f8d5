/** What the gateway remembers for clients of the session era at upstreams without sessions. */
import { beforeEach, describe, expect, test } from 'vitest';
import { selectors } from '../../src/clients/gate.ts';
import type { Client } from '../../src/clients/client.ts';
import { Wishes } from '../../src/clients/wishes.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import { Keeper } from '../../src/streams/keeper.ts';
import { OpenStreams } from '../../src/streams/open-streams.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { maxWatchedUriChars, type Notice } from '../../src/transport/peers/notice.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aCall } from '../calls/an-outlet.ts';
import { aClient, aSession, upstreamAt, type SessionOf } from '../clients/a-client.ts';
import { aHost } from './a-host.ts';

const upstream = upstreamAt();
const seconds = (): number => Math.floor(Date.now() / 1_000);
let wishes: Wishes;
let told: Notice[];
let keeper: Keeper;
beforeEach(() => {
  const host = aHost();
  const opener = new SessionOpener({
    adapter: host.adapter,
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  [wishes, told] = [new Wishes(seconds), []];
  keeper = new Keeper(
    wishes,
    new OpenStreams({ ...host, upstreams: new Upstreams([upstream]), opener, gate: () => selectors }),
    (notice) => {
      told.push(notice);
      return Promise.resolve();
    },
  );
});

const client = aClient();
const modern: SessionOf = { upstream, revision: '2026-07-28', capabilities: serverCapability.resourcesSubscribe };

function serve(method: string, uri = 'a:b', of: SessionOf = modern, by: Client = client): Promise<string> | undefined {
  return keeper.serve(aCall(by, { method, params: { uri: `up+${uri}` } }), aSession(of), uri);
}

describe('a watched resource', () => {
  test('is remembered here and told to the others, until it is not watched any more', async () => {
    expect(await serve('resources/subscribe')).toBe('{}');
    expect(wishes.watchedBy(client.known.jti, upstream.hash)).toEqual(['a:b']);
    expect(await serve('resources/unsubscribe')).toBe('{}');
    expect(wishes.watchedBy(client.known.jti, upstream.hash)).toEqual([]);
    const notice = { kind: 'watching', ...client.known, upstream: upstream.hash, uri: 'a:b' };
    expect(told).toEqual([
      { ...notice, on: true },
      { ...notice, on: false },
    ]);
  });

  test('has a URI of some length at most', async () => {
    expect(await serve('resources/subscribe', 'x'.repeat(maxWatchedUriChars))).toBe('{}');
    await expect(serve('resources/subscribe', 'x'.repeat(maxWatchedUriChars + 1))).rejects.toMatchObject({
      code: 'params_invalid',
    });
  });

  test.each<[string, SessionOf]>([
    ['with sessions', { upstream, sessionId: 's', capabilities: serverCapability.resourcesSubscribe }],
    ['that cannot watch', { ...modern, capabilities: 0 }],
  ])('is the affair of an upstream %s', (_what, of) => {
    expect(serve('resources/subscribe', 'a:b', of)).toBeUndefined();
  });

  test('is none of other methods, and of clients without a session', () => {
    expect(serve('resources/read')).toBeUndefined();
    expect(serve('resources/subscribe', 'a:b', modern, aClient({ isShared: true }))).toBeUndefined();
    expect(told).toEqual([]);
  });
});

test('a log level is that of its session; clients without one set none for one another', async () => {
  await keeper.setLevel(client, 'debug');
  await keeper.setLevel(aClient({ isShared: true }), 'error');
  expect([wishes.levelOf(client.known.jti), told]).toEqual([
    'debug',
    [{ kind: 'level', ...client.known, level: 'debug' }],
  ]);
});
