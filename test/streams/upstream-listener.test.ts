/** One upstream's stream behind a client's: what passes, and when it is asked for again. The test turns the wheel. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayError, type ErrorCode } from '../../src/errors.ts';
import { clientCapability } from '../../src/protocol/capabilities.ts';
import { noWatches, UpstreamListener, type Listened, type Watches } from '../../src/streams/upstream-listener.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import { contendedMaxMs, rejoinMaxMs, rejoinMinMs } from '../../src/transport/http/limits.ts';
import type { UpstreamSession } from '../../src/transport/upstream/session.ts';
import { aClient, aSession } from '../clients/a-client.ts';
import { aHost, changed, eventOf, type Asked, type PlayedHost } from './a-host.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

interface Listening {
  readonly listener: UpstreamListener;
  readonly host: PlayedHost;
  /** What the client's stream was told. */
  readonly told: string[];
  readonly last: () => Asked;
  readonly stream: Listened & { isFull: boolean };
  readonly session: UpstreamSession;
}

function listening({ lastEventId, watches = noWatches }: { lastEventId?: string; watches?: Watches } = {}): Listening {
  const host = aHost();
  const told: string[] = [];
  const session = aSession({ sessionId: 's' });
  const stream: Listening['stream'] = {
    client: aClient({ capabilities: clientCapability.roots }),
    host,
    caller: nobody,
    isFull: false,
    write: (body, _upstream, id) => void told.push(`${id ?? '-'} ${body.toString()}`),
    prime: (_upstream, id) => void told.push(`primed ${id}`),
    renew: () => Promise.resolve(aSession({ sessionId: 'renewed' })),
    opened: () => void told.push('opened'),
    forget: () => void told.push('forgotten'),
    leave: () => void told.push('left'),
  };
  const listener = new UpstreamListener(stream, session, watches, lastEventId);
  listener.connect();
  return { listener, host, told, last: () => host.listens.at(-1)!, stream, session };
}

/** After how many ms the stream is asked for again. */
async function pauseOf({ host }: Listening): Promise<number> {
  const before = host.listens.length;
  let ms = 0;
  for (; host.listens.length === before && ms < 120_000; ms += 250) await vi.advanceTimersByTimeAsync(250);
  // The wheel is a tick late.
  return ms - 250;
}

test('messages pass in the client’s words, and with the upstream’s event ids', () => {
  const { last, told, host } = listening();
  last().sink.onStream();
  last().sink.onEvent(eventOf(changed, '1'));
  last().sink.onEvent(eventOf('', '2'));
  last().sink.onEvent(eventOf({ method: 'roots/list', id: 'q' }));
  last().sink.onEvent(eventOf({ method: 'ping', id: 'p' }));
  last().sink.onEvent(eventOf('{"nonsense'));
  last().sink.onEvent(eventOf({ id: 1, result: {} }));
  expect(told.slice(0, 3)).toEqual(['opened', `1 ${JSON.stringify({ jsonrpc: '2.0', ...changed })}`, 'primed 2']);
  // Its id is sealed, so that the answer finds its way from any replica.
  expect(told[3]).toMatch(/^- .*"method":"roots\/list"/);
  expect(told[3]).not.toContain('"q"');
  expect([told.length, host.replies, host.drops, host.heard]).toEqual([
    4,
    ['{"jsonrpc":"2.0","id":"p","result":{}}'],
    ['invalid'],
    [changed.method],
  ]);
});

describe('after a break', () => {
  test('it goes on where it was, after pauses that grow', async () => {
    const all = listening({ lastEventId: '0' });
    expect(all.last().lastEventId).toBe('0');
    all.last().sink.onEvent(eventOf(changed, '7'));
    const pauses: number[] = [];
    for (let count = 0; count < 7; count += 1) {
      all.last().sink.onFault(new GatewayError('upstream_unreachable'));
      pauses.push(await pauseOf(all));
    }
    expect(all.last().lastEventId).toBe('7');
    expect(pauses.slice(0, 3)).toEqual([rejoinMinMs, 2 * rejoinMinMs, 4 * rejoinMinMs]);
    expect(pauses.at(-1)).toBe(rejoinMaxMs);
    // An event is a sign that it works again.
    all.last().sink.onEvent(eventOf(changed));
    all.last().sink.onEnd();
    expect(await pauseOf(all)).toBe(rejoinMinMs);
  });

  test('the upstream’s own pause counts', async () => {
    const all = listening();
    all.last().sink.onRetry(10_000);
    all.last().sink.onEnd();
    expect(await pauseOf(all)).toBe(10_000);
    all.last().sink.onFault(new GatewayError('upstream_unreachable'));
    expect(await pauseOf(all)).toBe(10_000);
  });

  test.each<[ErrorCode, boolean]>([
    ['upstream_refused', true],
    ['upstream_unauthorized', true],
    ['upstream_interrupted', false],
  ])('%s: the place is given up: %s', async (code, isForgotten) => {
    const all = listening({ lastEventId: '3' });
    all.last().sink.onFault(new GatewayError(code));
    await pauseOf(all);
    expect([all.last().lastEventId, all.told.includes('forgotten')]).toEqual([
      isForgotten ? undefined : '3',
      isForgotten,
    ]);
  });
});

test('a lost session is replaced, and listened to from its start', async () => {
  const all = listening({ lastEventId: '3' });
  all.last().sink.onFault(new GatewayError('upstream_session_lost'));
  await pauseOf(all);
  expect([all.last().to.session.sessionId, all.last().lastEventId, all.told]).toEqual([
    'renewed',
    undefined,
    ['forgotten'],
  ]);
});

test('a session that may not be replaced is left', async () => {
  const all = listening();
  all.stream.renew = () => Promise.reject(new GatewayError('upstream_session_lost'));
  all.last().sink.onFault(new GatewayError('upstream_session_lost'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([all.told, all.host.listens.length]).toEqual([['forgotten', 'left'], 1]);
});

test('an upstream that offers no stream is left, and that is remembered', async () => {
  const all = listening();
  const { upstream } = all.session;
  expect(upstream.mayStream(all.session)).toBe(true);
  const opened = all.listener.opened();
  all.last().sink.onFault(new GatewayError('upstream_verb_refused'));
  await opened;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([upstream.mayStream(all.session), all.told, all.host.listens.length]).toEqual([false, ['left'], 1]);
});

test('a stream that another reader has is asked for often, and at once when that reader leaves', async () => {
  const all = listening();
  for (let count = 0; count < 6; count += 1) {
    all.last().sink.onFault(new GatewayError('upstream_busy'));
    expect(await pauseOf(all)).toBeLessThanOrEqual(contendedMaxMs);
  }
  all.last().sink.onFault(new GatewayError('upstream_busy'));
  all.listener.takeOver();
  expect(await pauseOf(all)).toBeLessThan(rejoinMinMs);
  // One that is open does not need it.
  all.last().sink.onStream();
  all.listener.takeOver();
  expect(await pauseOf(all)).toBeGreaterThan(60_000);
});

test('while the other replicas are told of a change, all waits in its order', async () => {
  const { host, last, told } = listening();
  const telling = Promise.withResolvers<void>();
  host.telling = telling.promise;
  last().sink.onEvent(eventOf(changed, '1'));
  host.telling = undefined;
  last().sink.onEvent(eventOf({ method: 'notifications/prompts/list_changed' }, '2'));
  expect([told, last().isPaused]).toEqual([[], true]);
  telling.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(told.map((each) => each.slice(0, 2))).toEqual(['1 ', '2 ']);
  expect(last().isPaused).toBe(false);
});

test('a client that is slow when the stream is asked for is waited for', () => {
  const { listener, stream, last } = listening();
  stream.isFull = true;
  listener.onDue();
  expect(last().isPaused).toBe(true);
  listener.resume();
  expect(last().isPaused).toBe(false);
});

test('one that replaces another lets it go on until it is open itself', () => {
  const former = listening();
  former.last().sink.onStream();
  const next = listening({ watches: { uris: ['a:b'] } });
  next.listener.replace(former.listener);
  expect([next.last().wants, former.last().isAborted]).toEqual([{ uris: ['a:b'] }, false]);
  next.last().sink.onStream();
  expect(former.last().isAborted).toBe(true);
});

test('on a session of several clients, what is not provably for this one is dropped', () => {
  const host = aHost();
  const written: string[] = [];
  const stream = { ...listening().stream, host, write: (body: Buffer) => void written.push(body.toString()) };
  const session = aSession({ sessionId: 's', isShared: true });
  new UpstreamListener(stream, session, noWatches, undefined).connect();
  host.listens[0]!.sink.onEvent(eventOf({ method: 'notifications/message', params: { level: 'info', data: 1 } }));
  host.listens[0]!.sink.onEvent(eventOf(changed));
  expect([written.length, host.drops]).toEqual([1, ['of_a_shared_session']]);
});

test('one that was stopped says nothing more and asks for nothing more', async () => {
  const all = listening();
  all.listener.stop();
  all.last().sink.onEvent(eventOf(changed));
  all.last().sink.onEnd();
  all.last().sink.onFault(new GatewayError('upstream_session_lost'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([all.last().isAborted, all.host.listens.length, all.told]).toEqual([true, 1, ['forgotten']]);
  await all.listener.opened();
});
