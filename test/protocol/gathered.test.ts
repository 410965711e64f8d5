/** Pieces become one buffer, whatever their sizes. */
import { expect, test } from 'vitest';
import { Gathered } from '../../src/protocol/gathered.ts';

test('a single piece is the whole, without a copy', () => {
  const gathered = new Gathered();
  const piece = Buffer.from('whole');
  gathered.append(piece);
  expect(gathered.take()).toBe(piece);
  expect(gathered.take()).toHaveLength(0);
});

test('a million pieces of one byte are one buffer of hardly more than their size', () => {
  const gathered = new Gathered();
  const wanted = Buffer.alloc(1_000_000);
  for (let n = 0; n < wanted.length; n += 1) {
    wanted[n] = n % 251;
    gathered.append(wanted.subarray(n, n + 1));
  }
  const whole = gathered.take();
  expect(whole.equals(wanted)).toBe(true);
  expect(whole.buffer.byteLength).toBeLessThan(wanted.length * 1.3);
});

test('an announced size is allotted at once, and more than was announced is taken as well', () => {
  const gathered = new Gathered();
  gathered.append(Buffer.alloc(10, 'a'), 100_000);
  gathered.append(Buffer.alloc(10, 'b'), 100_000);
  gathered.append(Buffer.alloc(200_000, 'c'), 100_000);
  const whole = gathered.take();
  expect([whole.length, whole[0], whole[10], whole[200_019]]).toEqual([200_020, 0x61, 0x62, 0x63]);
});
