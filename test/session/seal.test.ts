/** One sealed message: each byte of it counts, and each fault has its name. */
import { describe, expect, test } from 'vitest';
import { openMessage, sealedChars, sealMessage, type SealFault } from '../../src/session/seal.ts';
import { firstKey, fixedRandom, now, ringOf, secondKey } from './ring.ts';

const ring = await ringOf(firstKey);
const epoch = ring.sealing(now);
const payload = Buffer.from('what only the gateway reads');
const sealed = sealMessage(epoch, payload, fixedRandom);
const maxChars = 1_024;

function opened(text: string, of = ring, most = maxChars): string {
  const result = openMessage(of, text, most, now);
  return result.kind === 'opened' ? result.payload.toString() : result.fault;
}

/** The sealed text with one byte turned over; `at` from the end where it is negative. */
function turned(at: number): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = bytes[place]! ^ 1;
  return bytes.toString('base64url');
}

test('what was sealed opens, under the keys that sealed it', () => {
  expect([opened(sealed), sealed.length]).toEqual([payload.toString(), sealedChars(payload.length)]);
  expect(sealed).not.toContain(payload.toString('base64url').slice(4, 12));
});

test('two seals of one payload share nothing but their head', () => {
  let count = 0;
  const [one, two] = [1, 2].map(() => sealMessage(epoch, payload, (bytes) => Buffer.alloc(bytes, (count += 1))));
  expect(one!.slice(8, 40)).not.toBe(two!.slice(8, 40));
});

describe('a text that is none', () => {
  // Layout: format 1, purpose 1, kid 4, salt 24, commitment 16, ciphertext, tag 16.
  test.each<[string, string, SealFault]>([
    ['is empty', '', 'length'],
    ['is a character too short', sealed.slice(0, sealedChars(0) - 1), 'length'],
    ['has another alphabet', sealed.replace(/.$/, '='), 'alphabet'],
    ['is of another format', turned(0), 'version'],
    ['is for another purpose', turned(1), 'purpose'],
    ['is of an unknown key', turned(5), 'kid'],
    ['has another salt', turned(6), 'commitment'],
    ['has another commitment', turned(30), 'commitment'],
    ['has another ciphertext', turned(46), 'tag'],
    ['has another tag', turned(-1), 'tag'],
  ])('%s', (_what, text, fault) => {
    expect(opened(text)).toBe(fault);
  });

  test('is a character too long', () => {
    expect([opened(sealed, ring, sealed.length), opened(sealed, ring, sealed.length - 1)]).toEqual([
      payload.toString(),
      'length',
    ]);
  });

  test('is of another ring', async () => {
    expect(opened(sealed, await ringOf(secondKey))).toBe('kid');
  });
});
