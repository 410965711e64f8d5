import { expect, test } from 'vitest';
import { isTellable, maxNotices, readNotices, writeNotices, type Notice } from '../../../src/transport/peers/notice.ts';

const jti = 'abcdefghijklmnopqrstuv';
const level: Notice = { kind: 'level', jti, level: 'warning', expiresAt: 1 };
const watching: Notice = { kind: 'watching', jti, upstream: 1, uri: 'a:b', on: true, expiresAt: 1 };
const cancelled: Notice = { kind: 'cancelled', jti, requestId: '1' };
const changed: Notice = { kind: 'changed', upstream: 1, list: 'prompts', audience: 'x'.repeat(128) };
const ended: Notice = { kind: 'ended', jti, expiresAt: 1 };
const consented: Notice = {
  kind: 'consented',
  principalId: 'p'.repeat(43),
  upstream: 'default/route/files',
  told: { jti, elicitationId: '01234567-89ab-4cde-8f01-23456789abcd' },
};

const wrong: readonly unknown[] = [
  { ...level, kind: 'other' },
  { ...level, jti: 'short' },
  { ...level, level: 'loud' },
  { ...watching, upstream: 4_294_967_296 },
  { ...watching, uri: 'x'.repeat(2_049) },
  { ...watching, on: 1 },
  { ...cancelled, requestId: '' },
  { ...cancelled, requestId: 'x'.repeat(513) },
  { ...changed, list: 'resourceTemplates' },
  { ...changed, audience: 'x'.repeat(129) },
  { ...consented, principalId: 'short' },
  { ...consented, upstream: 'x'.repeat(1_025) },
  { ...consented, told: { jti } },
  { ...consented, told: { jti, elicitationId: 'any text' } },
  null,
];

test('a message of release 0.1 has one notice, and is read to the letter', () => {
  for (const notice of [level, watching, cancelled, changed, ended, consented]) {
    const text = writeNotices(1, [JSON.stringify(notice)], 7);
    expect(text).toBe(JSON.stringify({ notice, at: 7 }));
    expect(readNotices(text)).toEqual({ notices: [notice], at: 7 });
  }
  for (const notice of [...wrong, { ...level, more: 1 }])
    expect(readNotices(JSON.stringify({ notice, at: 1 })), JSON.stringify(notice).slice(0, 99)).toBeUndefined();
  for (const text of [
    '{',
    '1',
    'null',
    '[]',
    '{}',
    JSON.stringify({ notice: level, at: 1, more: 1 }),
    JSON.stringify({ notice: level }),
  ])
    expect(readNotices(text), text).toBeUndefined();
});

test('a message of the second format has many', () => {
  const all = [level, watching, cancelled, changed, ended, consented];
  const text = writeNotices(
    2,
    all.map((notice) => JSON.stringify(notice)),
    7,
  );
  expect(text).toBe(JSON.stringify({ version: 2, at: 7, notices: all }));
  expect(readNotices(text)).toEqual({ notices: all, at: 7 });
  expect(readNotices('{"version":2,"at":7,"notices":[]}')).toEqual({ notices: [], at: 7 });
});

/** A message of a later release. */
function message(...notices: readonly unknown[]): string {
  return JSON.stringify({ version: 2, at: 7, notices, more: 'x' });
}

test('what a later release tells besides costs nothing of what is understood', () => {
  expect(readNotices(message({ kind: 'unheard-of', jti }, ended, { ...level, more: 1 }, ...wrong))?.notices).toEqual([
    ended,
    level,
  ]);
  for (const text of ['{"version":3,"at":7,"notices":[]}', '{"version":2,"notices":[]}', '{"version":2,"at":7}'])
    expect(readNotices(text), text).toBeUndefined();
});

/** A message of that many notices. */
function endedTimes(count: number): string {
  const all = Array.from({ length: count }, () => JSON.stringify(ended));
  return writeNotices(2, all, 7);
}

test('a message has 512 notices at most', () => {
  expect(readNotices(endedTimes(maxNotices))?.notices).toHaveLength(512);
  expect(readNotices(endedTimes(maxNotices + 1))).toBeUndefined();
});

test('what a client sends is bounded before it is told to anyone', () => {
  expect(isTellable({ ...cancelled, requestId: 'x'.repeat(512) })).toBe(true);
  expect(isTellable({ ...cancelled, requestId: 'x'.repeat(513) })).toBe(false);
  expect(isTellable({ ...watching, uri: 'x'.repeat(2_049) })).toBe(false);
});
