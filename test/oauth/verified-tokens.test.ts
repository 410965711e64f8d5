import { expect, test } from 'vitest';
import { maxVerifiedTokens, VerifiedTokens } from '../../src/oauth/verified-tokens.ts';
import { anonymous, type Verified } from '../../src/oauth/verified.ts';

const now = 1_800_000_000;
const until = (expiresAt: number | undefined): Verified => ({ ...anonymous, expiresAt });

test('a token is judged anew after a minute, and at its expiry', () => {
  const known = new VerifiedTokens();
  const long = until(now + 600);
  known.set('long', long, now);
  known.set('short', until(now + 10), now);
  known.set('given', until(undefined), now, 30);
  expect(known.get('long', now + 59)).toBe(long);
  expect(known.get('long', now + 60)).toBeUndefined();
  expect(known.get('short', now + 9)).toBeDefined();
  expect(known.get('short', now + 10)).toBeUndefined();
  expect(known.get('given', now + 29)).toBeDefined();
  expect(known.get('given', now + 30)).toBeUndefined();
  expect(known.size).toBe(0);
});

test('an expired token is not kept at all', () => {
  const known = new VerifiedTokens();
  known.set('over', until(now), now);
  expect(known.size).toBe(0);
});

test('10,000 tokens are kept; the oldest gives way', () => {
  const known = new VerifiedTokens();
  for (let i = 0; i <= maxVerifiedTokens; i++) known.set(String(i), until(undefined), now);
  expect(known.size).toBe(10_000);
  expect(known.get('0', now)).toBeUndefined();
  expect(known.get('1', now)).toBeDefined();
  known.clear();
  expect(known.size).toBe(0);
});
