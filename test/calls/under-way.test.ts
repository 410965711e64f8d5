/** Calls that can be ended from outside: by their client, here or at another replica, or by the end of the process. */
import { expect, test } from 'vitest';
import type { Relay } from '../../src/calls/relay.ts';
import { UnderWay } from '../../src/calls/under-way.ts';
import { aClient, aSession, type ClientOf, type SessionOf } from '../clients/a-client.ts';
import { aCall } from './an-outlet.ts';

interface Played {
  readonly relay: Relay;
  readonly told: string[];
}

/** As much of a relay as this has to do with. */
function playing(client: ReturnType<typeof aClient>, of: SessionOf = {}, id = 1): Played {
  const told: string[] = [];
  const relay = {
    call: aCall(client, { method: 'tools/call', id }),
    session: aSession(of),
    disconnect: (retryMs: number) => void told.push(`disconnected ${retryMs}`),
    takeBack: () => void told.push('taken back'),
    takeQuestion: () => false,
  };
  return { relay: relay as never, told };
}

const modern: SessionOf = { revision: '2026-07-28' };

test('a request that came again under its id is not forgotten with the first', () => {
  const underWay = new UnderWay();
  const client = aClient();
  const [first, second] = [playing(client, modern), playing(client, modern)];
  underWay.begun(first.relay);
  underWay.begun(second.relay);
  underWay.over(first.relay);
  expect(client.inFlight.get('1')).toBe(second.relay);
  underWay.cancelled(client.known.jti, '1');
  expect([first.told, second.told]).toEqual([[], ['taken back']]);
  underWay.over(second.relay);
  expect(client.inFlight.size).toBe(0);
});

test.each<[string, SessionOf, ClientOf, boolean]>([
  ['an upstream without sessions', modern, {}, true],
  ['an upstream that is told of it', { sessionId: 's' }, {}, false],
  ['clients that share their session', modern, { isShared: true }, false],
])('a cancellation at another replica reaches calls at %s', (_what, of, by, isReached) => {
  const underWay = new UnderWay();
  const client = aClient(by);
  const { relay, told } = playing(client, of);
  underWay.begun(relay);
  underWay.cancelled(client.known.jti, '"1"');
  underWay.cancelled('another session', '1');
  expect(told).toEqual([]);
  underWay.cancelled(client.known.jti, '1');
  expect(told).toEqual(isReached ? ['taken back'] : []);
  underWay.over(relay);
  underWay.cancelled(client.known.jti, '1');
  expect(told).toHaveLength(isReached ? 1 : 0);
});

test('only answers that can be resumed are closed, and no more once they are over', () => {
  const underWay = new UnderWay();
  const client = aClient();
  const [promised, other, done] = [1, 2, 3].map((id) => playing(client, { sessionId: 's' }, id));
  for (const each of [promised!, other!, done!]) underWay.begun(each.relay);
  underWay.promised(promised!.relay);
  underWay.promised(done!.relay);
  underWay.over(done!.relay);
  underWay.disconnectAll(500);
  expect([promised!.told, other!.told, done!.told]).toEqual([['disconnected 500'], [], []]);
});

test('a shared session knows which calls are under way on it', () => {
  const underWay = new UnderWay();
  const { relay } = playing(aClient({ isShared: true }), { sessionId: 's', isShared: true });
  underWay.begun(relay);
  expect([...relay.session.underWay!]).toEqual([relay]);
  underWay.over(relay);
  expect(relay.session.underWay!.size).toBe(0);
});
