/** How a client wrote what it has subscribed to: the latest subscription counts, and what is kept is bounded. */
import { expect, test } from 'vitest';
import { maxWatchedChars, WatchedAs } from '../../src/clients/watched-as.ts';

test('it is known for its upstream alone, until it is written as the gateway writes it', () => {
  const watched = new WatchedAs();
  watched.note(1, 'memo://x', undefined);
  watched.note(1, 'memo://x', 'memo://x');
  expect([watched.of(1, 'memo://x'), watched.of(2, 'memo://x')]).toEqual(['memo://x', undefined]);
  watched.note(1, 'memo://x', undefined);
  expect(watched.of(1, 'memo://x')).toBeUndefined();
});

test('beyond 1,000, and beyond 64 Ki characters, the oldest are forgotten', () => {
  const many = new WatchedAs();
  for (let n = 0; n <= 1_000; n += 1) many.note(1, `m:${n}`, 'a');
  expect([many.of(1, 'm:0'), many.of(1, 'm:1')]).toEqual([undefined, 'a']);
  const long = new WatchedAs();
  for (const letter of ['a', 'b']) long.note(1, letter, letter.repeat(maxWatchedChars / 2));
  expect([long.of(1, 'a'), long.of(1, 'b')?.length]).toEqual([undefined, maxWatchedChars / 2]);
});
