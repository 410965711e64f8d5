/** Ids of requests, progress tokens and tasks of an upstream: three kinds that never open as one another. */
import { expect, test } from 'vitest';
import {
  openProgressToken,
  openRequestId,
  openTaskId,
  sealProgressToken,
  sealRequestId,
  sealTaskId,
} from '../../src/session/request-id.ts';
import { other, session } from './a-session.ts';
import { now } from './ring.ts';

const kinds = [
  [sealRequestId, openRequestId],
  [sealProgressToken, openProgressToken],
  [sealTaskId, openTaskId],
] as const;

test.each(['1', '"1"', '12345678901234567890', '"größe"', ''])('%s comes back as the text it was', (raw) => {
  for (const [seal, open] of kinds) {
    const id = { upstream: 0xffff_ffff, raw };
    expect(open(session, seal(session, id), now)).toEqual(id);
  }
});

test('one thing has one text, and two have two', () => {
  const text = sealRequestId(session, { upstream: 1, raw: '1' });
  expect(sealRequestId(session, { upstream: 1, raw: '1' })).toBe(text);
  for (const id of [
    { upstream: 2, raw: '1' },
    { upstream: 1, raw: '"1"' },
  ])
    expect(sealRequestId(session, id)).not.toBe(text);
});

test('each kind opens as itself alone, and in its own session', () => {
  for (const [seal] of kinds) {
    const text = seal(session, { upstream: 1, raw: '1' });
    expect(kinds.filter(([own, open]) => own !== seal && open(session, text, now) !== undefined)).toEqual([]);
    expect(kinds.filter(([, open]) => open(other, text, now) !== undefined)).toEqual([]);
  }
});
