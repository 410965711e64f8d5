/** Event ids: what they bring back, to whom, and what finds no room in them. */
import { describe, expect, test } from 'vitest';
import { canBeResumedAfter, openEventId, sealEventId, type StreamPosition } from '../../src/session/event-id.ts';
import { other, session } from './a-session.ts';
import { fixedRandom, now } from './ring.ts';

const post = (eventId: string): StreamPosition => ({ kind: 'post', stream: Buffer.alloc(8, 1), upstream: 7, eventId });
const merged = (...ids: string[]): StreamPosition => ({
  kind: 'merged',
  vector: ids.map((eventId, at) => ({ upstream: 0xffff_ff00 + at, eventId })),
});
const seal = (position: StreamPosition): string | undefined => sealEventId(session, position, fixedRandom).text;

test.each([post('a b~1'), merged('1'), merged('first', 'second')])('%j comes back', (position) => {
  expect(openEventId(session, seal(position)!, now)).toEqual(position);
});

test('to its own session alone, and never in part', () => {
  const text = seal(post('1'))!;
  expect(openEventId(other, text, now)).toBeUndefined();
  for (const each of ['', text.slice(1), `${text}A`, 'x'.repeat(2_049)])
    expect(openEventId(session, each, now)).toBeUndefined();
});

test('only what a header carries unchanged can be resumed after', () => {
  expect(['1', 'a b', '~!'].every(canBeResumedAfter)).toBe(true);
  expect(['', ' a', 'a ', 'é', 'a\tb', 'a\nb'].some(canBeResumedAfter)).toBe(false);
  expect([seal(post('é')), seal(merged('', ' a'))]).toEqual([undefined, undefined]);
  expect(openEventId(session, seal(merged('é', 'b'))!, now)).toMatchObject({ vector: [{ eventId: 'b' }] });
});

describe('2,048 characters', () => {
  test('are enough for one id or there is none', () => {
    expect([seal(post('x'.repeat(1_400)))?.length, seal(post('x'.repeat(1_600)))]).toEqual([
      expect.any(Number),
      undefined,
    ]);
  });

  test('make the least recent upstreams give way', () => {
    const position = merged(...Array.from({ length: 40 }, (_each, at) => `${at}-${'x'.repeat(60)}`));
    const { text, dropped } = sealEventId(session, position, fixedRandom);
    expect(text!.length).toBeLessThanOrEqual(2_048);
    const back = openEventId(session, text!, now);
    const kept = back?.kind === 'merged' ? back.vector : [];
    const all = position.kind === 'merged' ? position.vector : [];
    expect(kept).toEqual(all.slice(0, kept.length));
    expect([kept.length > 10, dropped]).toEqual([true, all.slice(kept.length).map(({ upstream }) => upstream)]);
  });
});

test('a stream has a name of 8 bytes', () => {
  expect(() => seal({ kind: 'post', stream: Buffer.alloc(7), upstream: 1, eventId: '1' })).toThrow(RangeError);
});
