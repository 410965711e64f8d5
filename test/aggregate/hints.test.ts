import { describe, expect, test } from 'vitest';

import { mergeHints, readHints, statedUntil } from '../../src/aggregate/hints.ts';
import type { Stated } from '../../src/aggregate/hints.ts';
import { readListResult } from '../../src/protocol/envelope.ts';

function read(members: string): Stated {
  const bytes = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[]${members}}}`);
  return readHints(bytes, readListResult(bytes, 'tools').root.member('result'));
}

describe('what an upstream says of how long its answer counts and for whom (2026-07-28 server/utilities/caching)', () => {
  for (const [members, ttlMs, isPublic] of [
    [',"ttlMs":5000,"cacheScope":"public"', 5000, true],
    [',"ttlMs":5000,"cacheScope":"private"', 5000, false],
    [',"ttlMs":0,"cacheScope":"public"', 0, true],
    [',"ttlMs":-7', 0, false],
    [',"ttlMs":1.9', 1, false],
    [',"ttlMs":3600001', 3_600_000, false],
    [',"ttlMs":1e300', 3_600_000, false],
    [',"ttlMs":"5000"', undefined, false],
    [',"ttlMs":null,"cacheScope":null', undefined, false],
    [',"cacheScope":"Public"', undefined, false],
    [',"cacheScope":["public"]', undefined, false],
    ['', undefined, false],
  ] as const) {
    test(`${members} is ${ttlMs} ms, ${isPublic ? 'for anyone' : 'for its own audience'}`, () => {
      expect(read(members)).toEqual({ ttlMs, isPublic });
    });
  }
});

describe('what is said of an answer made of several', () => {
  test('the least that is left, and public only when all are', () => {
    const parts = [
      { statedUntil: 1500.7, isPublic: true },
      { statedUntil: 9000, isPublic: true },
    ];
    expect(mergeHints(parts, 1000)).toEqual({ ttlMs: 500, cacheScope: 'public' });
    expect(mergeHints(parts, 1400)).toEqual({ ttlMs: 100, cacheScope: 'public' });
    expect(mergeHints([...parts, { statedUntil: 9000, isPublic: false }], 1000)).toEqual({
      ttlMs: 500,
      cacheScope: 'private',
    });
  });

  test('no time once it is over, where one part does not say, and where there is none', () => {
    const silent = statedUntil({ ttlMs: undefined, isPublic: true }, 1000);
    expect(
      mergeHints([{ statedUntil: statedUntil({ ttlMs: 20, isPublic: true }, 1000), isPublic: true }], 1021),
    ).toEqual({ ttlMs: 0, cacheScope: 'public' });
    expect(mergeHints([{ statedUntil: silent, isPublic: true }], 1000)).toEqual({ ttlMs: 0, cacheScope: 'public' });
    expect(mergeHints([], 1000)).toEqual({ ttlMs: 0, cacheScope: 'private' });
  });
});
