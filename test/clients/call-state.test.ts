/** What ties the rounds of a call together opens for this call of this client alone. */
import { afterEach, expect, test, vi } from 'vitest';
import { openCallState, sealCallState } from '../../src/clients/call-state.ts';
import type { Message } from '../../src/protocol/envelope.ts';
import { callStateSeconds } from '../../src/transport/http/limits.ts';
import { bob } from '../session/ring.ts';
import { aClient, toServer, upstreamAt } from './a-client.ts';

const client = aClient();
const upstream = upstreamAt();
const rest = { kind: 'call', state: 'of the upstream' } as const;
const call = (more: object = {}): Message => toServer('tools/call', { name: 'up__x', arguments: { a: 1 }, ...more });
const invalid = expect.objectContaining({ code: 'state_invalid' }) as Error;

afterEach(() => void vi.useRealTimers());

test('the retry of the call gets it back, whatever else it says', () => {
  const requestState = sealCallState(client, upstream, call(), rest);
  expect(openCallState(client, upstream, call({ requestState, inputResponses: {} }))).toEqual(rest);
});

test('a first request has none', () => expect(openCallState(client, upstream, call())).toBeUndefined());

test('another call, upstream or client, and what is no state, are one fault', () => {
  const requestState = sealCallState(client, upstream, call(), rest);
  const other = upstreamAt('http://localhost:2/mcp', {}, 'other');
  for (const opened of [
    () => openCallState(client, upstream, call({ requestState, arguments: { a: 2 } })),
    () => openCallState(client, upstream, call({ requestState, name: 'up__y' })),
    () =>
      openCallState(client, upstream, toServer('prompts/get', { name: 'up__x', arguments: { a: 1 }, requestState })),
    () => openCallState(client, other, call({ requestState })),
    () => openCallState(aClient({ principal: bob }), upstream, call({ requestState })),
    () => openCallState(client, upstream, call({ requestState: 'x' })),
    () => openCallState(client, upstream, call({ requestState: 7 })),
  ])
    expect(opened).toThrow(invalid);
});

test('it ends with its time', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const requestState = sealCallState(client, upstream, call(), rest);
  vi.setSystemTime(Date.now() + callStateSeconds * 1_000);
  expect(openCallState(client, upstream, call({ requestState }))).toEqual(rest);
  vi.setSystemTime(Date.now() + 2_000);
  expect(() => openCallState(client, upstream, call({ requestState }))).toThrow(invalid);
});
