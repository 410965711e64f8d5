/** What is known of the questions of one call. */
import { expect, test } from 'vitest';
import { Interview } from '../../../src/calls/questions/interview.ts';

const make = (): { add: () => boolean } => ({ add: () => true });

test('questions are gathered in one place until the round is over', () => {
  const interview = new Interview();
  const first = interview.gather(make);
  expect(interview.gather(make)).toBe(first);
  expect(interview.isGathering(first)).toBe(true);
  interview.gathered();
  expect(interview.isGathering(first)).toBe(false);
  expect(interview.gather(make)).not.toBe(first);
});

test('rounds are counted over the whole call', () => {
  const interview = new Interview();
  expect([interview.countRound(), interview.countRound()]).toEqual([1, 2]);
  interview.gathered();
  expect(interview.countRound()).toBe(3);
});
