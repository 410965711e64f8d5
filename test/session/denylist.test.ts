import { expect, test } from 'vitest';
import { Denylist } from '../../src/session/denylist.ts';

const now = 1_800_000_000;

function jti(number: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(number, 12);
  return bytes;
}

test('a session that ended stays ended, and no other is touched', () => {
  const denied = new Denylist();
  denied.add(jti(1), now + 10, now);
  denied.add(jti(1), now + 10, now);
  expect(denied.has(Buffer.from(jti(1)))).toBe(true);
  expect(denied.has(jti(2))).toBe(false);
  expect(denied.size).toBe(1);
});

test('the oldest entry gives way when the list is full, and is counted', () => {
  const denied = new Denylist(3);
  for (let number = 1; number <= 5; number++) denied.add(jti(number), now + 1_000, now);
  expect([1, 2, 3, 4, 5].map((number) => denied.has(jti(number)))).toEqual([false, false, true, true, true]);
  expect(denied.size).toBe(3);
  expect(denied.overflowed).toBe(2);
});

test('what has expired makes room without being counted, 60 s after its time', () => {
  const denied = new Denylist(3);
  denied.add(jti(1), now + 10, now);
  denied.add(jti(2), now + 10, now);
  denied.add(jti(3), now + 70, now + 70);
  expect(denied.size).toBe(3);
  denied.add(jti(4), now + 1_000, now + 71);
  expect(denied.size).toBe(2);
  expect(denied.overflowed).toBe(0);
});

test('the list holds 100,000 sessions', () => {
  const denied = new Denylist();
  for (let number = 0; number < 100_001; number++) denied.add(jti(number), now + 1_000, now);
  expect(denied.size).toBe(100_000);
  expect(denied.overflowed).toBe(1);
});
