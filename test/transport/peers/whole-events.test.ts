import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WholeEvents } from '../../../src/transport/peers/whole-events.ts';

/** What comes out of a stream that arrives in these pieces. */
function passed(pieces: readonly Buffer[]): { taken: string[]; half: number } {
  const events = new WholeEvents();
  const taken: string[] = [];
  for (const piece of pieces) {
    const whole = events.take(piece);
    if (whole !== undefined) taken.push(whole.toString('latin1'));
  }
  return { taken, half: events.halfBytes };
}

function inPieces(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test('however a stream is cut, what is passed ends where an event ends, and nothing is lost', () => {
  const event = fc.constantFrom(':\n\n', 'data: 1\n\n', 'id: a\ndata: {"a":"b"}\n\n', 'data: a\ndata: \ndata: b\n\n');
  const rest = fc.constantFrom('', 'd', 'data: 1', 'data: 1\n', 'id: x\ndata: 2\n');
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 6 }),
      rest,
      fc.array(fc.nat(), { maxLength: 12 }),
      (events, half, cuts) => {
        const { taken, half: halfBytes } = passed(inPieces(events.join('') + half, cuts));
        expect(taken.join('')).toBe(events.join(''));
        for (const text of taken) expect(text.endsWith('\n\n')).toBe(true);
        expect(halfBytes).toBe(half.length);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('byte by byte, an event leaves with its last line feed', () => {
  expect(passed(Array.from('data: 1\n\ndata: 2\n\n').map((char) => Buffer.from(char)))).toEqual({
    taken: ['data: 1\n\n', 'data: 2\n\n'],
    half: 0,
  });
});

test('a half that is dropped is gone, and the next event is whole again', () => {
  const events = new WholeEvents();
  events.take(Buffer.from('data: ha'));
  events.drop();
  expect(events.halfBytes).toBe(0);
  expect(events.take(Buffer.from('data: 2\n\n'))?.toString()).toBe('data: 2\n\n');
});
