/** What only 2026-07-28 has: requests that stand alone, questions in rounds, subscriptions. */
import { expect } from 'vitest';
import {
  answerWith,
  asked,
  call,
  elicitation,
  heard,
  patience,
  questions,
  structureOf,
  type Cells,
  type MakeAsk,
} from './cells.ts';
import type { Json, Peer } from './peers.ts';

const ask: MakeAsk = (method, params) => (peer) => asked(peer, call('ask', { first: { method, params } }));

/** With a log level, which holds for one request. */
const logging = (name: string, level: string) =>
  call(name, {}, { _meta: { 'io.modelcontextprotocol/logLevel': level } });

async function whileListening(peer: Peer, filter: Json, told: () => Promise<unknown>): Promise<unknown> {
  const leave = await peer.listen(filter);
  try {
    return await told();
  } finally {
    await leave();
  }
}

export const ofRequests: Cells = {
  discovered: ({ hello }) => hello.discovered,
  'what a server knows of its client': call('whoami'),
  ...questions(ask),
  'one question after the other': (peer) =>
    asked(
      peer,
      call('ask', {
        first: { method: 'elicitation/create', params: { ...elicitation, ...answerWith({ action: 'decline' }) } },
        next: { method: 'roots/list', params: answerWith({ roots: [] }) },
      }),
    ),
  'log messages from a level on': (peer) => heard(peer, logging('lines', 'warning'), 5),
  'no log messages that nobody asked for': call('lines'),
  'a notification of an extension': (peer) =>
    heard(peer, call('say', { method: 'notifications/example.com/news', params: { uri: 'memo://today', n: 1.5 } }), 1),
  'a subscription': (peer) =>
    whileListening(peer, { resourceSubscriptions: ['memo://today'] }, () =>
      heard(peer, call('touch', { uri: 'memo://today' }), 1),
    ),
  'a subscription to what no list has': (peer) =>
    whileListening(peer, { resourceSubscriptions: ['memo://unlisted'] }, () =>
      heard(peer, call('touch', { uri: 'memo://unlisted' }), 1),
    ),
  'a call that is taken back': async (peer) => {
    const cancelled = async (): Promise<number> =>
      ((await structureOf(peer, 'heard'))['cancelled'] as unknown[]).length;
    const before = await cancelled();
    const leaving = new AbortController();
    const hanging = peer.ask('tools/call', { name: 'hang' }, { signal: leaving.signal });
    await call('mirror')(peer);
    leaving.abort('enough');
    const { error } = await hanging;
    await expect.poll(cancelled, patience).toBe(before + 1);
    return error;
  },
};
