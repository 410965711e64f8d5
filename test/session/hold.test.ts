/** Where a call waits, in the id of each of its questions. */
import { expect, test } from 'vitest';
import { holdBytes, openQuestionId, sealQuestionId } from '../../src/session/hold.ts';
import { openRequestId, sealRequestId } from '../../src/session/request-id.ts';
import { other, session } from './a-session.ts';
import { now } from './ring.ts';

test.each(['10.0.0.7:8082', '[fd00::1]:8082', ''])(
  'the replica at %j comes back, with the call and the question',
  (address) => {
    const asked = { place: { address, hold: Buffer.alloc(holdBytes, 3) }, question: 4 };
    const text = sealQuestionId(session, asked);
    expect(openQuestionId(session, text, now)).toEqual(asked);
    expect(sealQuestionId(session, asked)).toBe(text);
    expect(openQuestionId(other, text, now)).toBeUndefined();
  },
);

test('a question of a held call is no request of an upstream, nor the reverse', () => {
  const question = sealQuestionId(session, { place: { address: 'a:1', hold: Buffer.alloc(holdBytes) }, question: 0 });
  expect(openRequestId(session, question, now)).toBeUndefined();
  expect(openQuestionId(session, sealRequestId(session, { upstream: 1, raw: '1' }), now)).toBeUndefined();
});
