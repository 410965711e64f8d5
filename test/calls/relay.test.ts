/** The way back of one call: what its client gets of what the upstream says, and when it is over. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CallHost } from '../../src/calls/host.ts';
import { Relay } from '../../src/calls/relay.ts';
import { GatewayError } from '../../src/errors.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import type { SessionOf } from '../clients/a-client.ts';
import { aClient, aSession, type ClientOf } from '../clients/a-client.ts';
import { aHost, eventOf } from '../streams/a-host.ts';
import { aCall, type RecordingOutlet } from './an-outlet.ts';

/** What the relay asked of its dispatcher, in order. */
let steps: string[];
let heals: boolean;
beforeEach(() => void ([steps, heals] = [[], false]));

const noted = (what: string) => (): void => void steps.push(what);

interface Relaying {
  readonly relay: Relay;
  readonly outlet: RecordingOutlet;
  readonly exchange: { isPaused: boolean; isAborted: boolean };
}

function relaying(by: ClientOf = {}, of: SessionOf = { sessionId: 's' }): Relaying {
  const host: CallHost<Relay> = {
    ...aHost(),
    reply: (_to, body) => void steps.push(`reply ${body}`),
    dropped: (reason) => void steps.push(`dropped ${reason}`),
    heal: () => {
      steps.push('heal');
      return heals;
    },
    realign: () => false,
    wantsLog: () => false,
    resume: (_relay, lastEventId) => void steps.push(`resume ${lastEventId}`),
    refused: noted('refused'),
    promised: noted('promised'),
    takenBack: noted('taken back'),
    ask: noted('ask'),
    park: noted('park'),
    again: noted('again'),
    begun: noted('begun'),
    hopped: noted('hopped'),
    suspended: noted('suspended'),
    finished: (_relay, outcome) => void steps.push(`finished ${outcome}`),
  };
  const call = aCall(aClient(by), { method: 'tools/call', params: { name: 'a', _meta: { progressToken: 'p' } } });
  const relay = new Relay(host, call, aSession(of), { upstreamId: '1', body: call.received, tokens: undefined });
  const exchange = { isPaused: false, isAborted: false };
  relay.phase.begin({
    pause: () => void (exchange.isPaused = true),
    resume: () => void (exchange.isPaused = false),
    answered() {},
    abort: () => void (exchange.isAborted = true),
  });
  return { relay, outlet: call.outlet, exchange };
}

const progress = { method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } };
const result = { id: 1, result: { content: [] } };

test('messages pass in their order, and the answer is the end', () => {
  const { relay, outlet } = relaying();
  relay.onStream();
  relay.onEvent(eventOf(progress));
  relay.onEvent(eventOf({ ...result, id: 2, result: { of: 'another' } }));
  relay.onEvent(eventOf(result));
  relay.onEvent(eventOf(progress));
  relay.onEnd();
  expect(outlet.told.map((each) => each.slice(0, 6))).toEqual(['stream', 'events', 'finish']);
  expect(outlet.told.at(-1)).not.toContain('another');
  expect([steps, relay.isOver]).toEqual([['finished ok'], true]);
});

test('an error is the upstream’s answer, and is told of', () => {
  const { relay, outlet } = relaying();
  relay.onJson(Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}'));
  expect([outlet.told.length, steps]).toEqual([1, ['refused', 'finished error']]);
});

test('a ping is answered here, and progress of another request goes no further', () => {
  const { relay, outlet } = relaying();
  relay.onEvent(eventOf({ method: 'ping', id: 'q' }));
  relay.onEvent(eventOf({ ...progress, params: { ...progress.params, progressToken: 'other' } }));
  expect([outlet.told, steps]).toEqual([
    [],
    ['reply {"jsonrpc":"2.0","id":"q","result":{}}', 'dropped not_of_this_call'],
  ]);
});

test('nonsense ends the call with a fault', () => {
  for (const give of [
    (relay: Relay) => relay.onJson(Buffer.from('{')),
    (relay: Relay) => relay.onEvent(eventOf('[]')),
  ]) {
    const { relay, outlet, exchange } = relaying();
    give(relay);
    expect([outlet.told, exchange.isAborted]).toEqual([['fault upstream_malformed'], true]);
  }
});

describe('a break', () => {
  test('with an event id is resumed; to a client of 2025-11-25 a stream that ends in good order is ended', () => {
    const broken = relaying();
    broken.relay.onEvent(eventOf('', '4'));
    broken.relay.onFault(new GatewayError('upstream_interrupted'));
    expect(steps).toEqual(['promised', 'resume 4']);
    const ended = relaying();
    ended.relay.onRetry(700);
    ended.relay.onEvent(eventOf('', '4'));
    ended.relay.onEnd();
    expect(ended.outlet.told.at(-1)).toBe('finish retry: 700\n\n');
  });

  test('without one, or at an upstream that keeps no session, is a fault', () => {
    const { relay, outlet } = relaying();
    relay.onEnd();
    expect(outlet.told).toEqual(['fault upstream_interrupted']);
    const modern = relaying({}, { revision: '2026-07-28' });
    modern.relay.onEvent(eventOf('', '4'));
    modern.relay.onFault(new GatewayError('upstream_interrupted'));
    expect(modern.outlet.told.at(-1)).toBe('fault upstream_interrupted');
  });
});

test('a lost session is healed before anything was read, and not after', () => {
  heals = true;
  const early = relaying();
  early.relay.onFault(new GatewayError('upstream_session_lost'));
  expect([steps, early.relay.isOver]).toEqual([['heal'], false]);
  const late = relaying();
  late.relay.onEvent(eventOf('', '4'));
  late.relay.onFault(new GatewayError('upstream_session_lost'));
  expect([steps.filter((step) => step === 'heal').length, late.relay.isOver]).toEqual([1, true]);
});

test('each remedy is tried once', () => {
  const { relay } = relaying();
  expect([relay.mayHeal(), relay.mayHeal(), relay.mayRealign(), relay.mayRealign()]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test('a round of questions goes to whoever asks the client; a client of 2026-07-28 gets it as it is', () => {
  const round = { id: 1, result: { resultType: 'input_required', inputRequests: { a: { method: 'roots/list' } } } };
  const modern: SessionOf = { revision: '2026-07-28', capabilities: serverCapability.tools };
  const older = relaying({}, modern);
  older.relay.onEvent(eventOf(round));
  expect([steps, older.outlet.told, older.exchange.isAborted]).toEqual([['ask'], [], true]);
  const newer = relaying({ revision: '2026-07-28' }, modern);
  newer.relay.onEvent(eventOf(round));
  expect(newer.outlet.told.at(-1)).toContain('input_required');
});

test('a cancelled call ends without an answer, and one that nobody waits for is given up', () => {
  const cancelled = relaying();
  cancelled.relay.takeBack();
  cancelled.relay.takeBack();
  expect([cancelled.outlet.told, steps, cancelled.exchange.isAborted]).toEqual([['finish '], ['finished ok'], true]);
  const abandoned = relaying();
  abandoned.relay.abandon();
  expect([abandoned.exchange.isAborted, steps.at(-1)]).toEqual([true, 'taken back']);
});
