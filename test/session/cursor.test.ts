/** Cursors of lists: bound to the session and to the list. */
import { expect, test } from 'vitest';
import { openCursor, sealCursor } from '../../src/session/cursor.ts';
import { other, session } from './a-session.ts';
import { fixedRandom, now } from './ring.ts';

test.each(['page 2', '', undefined])('the upstream’s own cursor %j comes back', (cursor) => {
  const text = sealCursor(session, 'tools', { upstream: 9, cursor }, fixedRandom);
  expect(openCursor(session, 'tools', text, now)).toEqual({ upstream: 9, cursor });
});

test('to its own session and list alone', () => {
  const text = sealCursor(session, 'tools', { upstream: 9, cursor: 'c' }, fixedRandom);
  expect([openCursor(session, 'prompts', text, now), openCursor(other, 'tools', text, now)]).toEqual([
    undefined,
    undefined,
  ]);
  expect(openCursor(session, 'tools', `${text}x`, now)).toBeUndefined();
});
