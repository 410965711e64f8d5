/** What clients have asked for and upstreams without sessions cannot keep: remembered here, within bounds. */
import { expect, test } from 'vitest';
import { Wishes } from '../../src/clients/wishes.ts';

const now = 1_900_000_000;
const session = (jti: string, seconds = 600): { jti: string; expiresAt: number } => ({
  jti,
  expiresAt: now + seconds,
});

test('a session has the level it set last, and another none', () => {
  const wishes = new Wishes(() => now);
  wishes.setLevel(session('a'), 'debug');
  wishes.setLevel(session('a'), 'error');
  expect(wishes.levelOf('a')).toBe('error');
  expect(wishes.levelOf('b')).toBeUndefined();
});

test('it watches what it asked for, by upstream, once each and in order', () => {
  const wishes = new Wishes(() => now);
  for (const uri of ['memo://2', 'memo://1', 'memo://2']) wishes.watch(session('a'), 7, uri);
  wishes.watch(session('a'), 8, 'memo://3');
  expect(wishes.watchedBy('a', 7)).toEqual(['memo://2', 'memo://1']);
  wishes.unwatch('a', 7, 'memo://2');
  wishes.unwatch('a', 7, 'memo://9');
  expect(wishes.watchedBy('a', 7)).toEqual(['memo://1']);
  expect(wishes.watchedBy('a', 8)).toEqual(['memo://3']);
  expect(wishes.watchedBy('b', 7)).toEqual([]);
});

test('nothing is left of a session that has ended', () => {
  const wishes = new Wishes(() => now);
  wishes.setLevel(session('a'), 'debug');
  wishes.watch(session('a'), 7, 'memo://1');
  wishes.forget('a');
  expect([wishes.levelOf('a'), wishes.watchedBy('a', 7)]).toEqual([undefined, []]);
});

test('a session watches 256 resources and no more, until it lets one go', () => {
  const wishes = new Wishes(() => now);
  for (let at = 0; at < 256; at += 1) expect(wishes.watch(session('a'), at % 2, `memo://${at}`)).toBe(true);
  expect(wishes.watch(session('a'), 0, 'memo://more')).toBe(false);
  expect(wishes.watch(session('a'), 0, 'memo://0')).toBe(true);
  wishes.unwatch('a', 0, 'memo://0');
  expect(wishes.watch(session('a'), 1, 'memo://more')).toBe(true);
});

test('past the number of sessions, and past that of all resources, who asked longest ago is forgotten', () => {
  const sessions = new Wishes(() => now, 2, 100);
  for (const jti of ['a', 'b', 'a', 'c']) sessions.setLevel(session(jti), 'debug');
  expect(['a', 'b', 'c'].map((jti) => sessions.levelOf(jti))).toEqual(['debug', undefined, 'debug']);

  const resources = new Wishes(() => now, 100, 3);
  for (const jti of ['a', 'b']) for (const at of [1, 2]) resources.watch(session(jti), 7, `memo://${at}`);
  expect([resources.watchedBy('a', 7), resources.watchedBy('b', 7)]).toEqual([[], ['memo://1', 'memo://2']]);
  // What was forgotten is counted no more.
  resources.watch(session('c'), 7, 'memo://1');
  expect(resources.watchedBy('b', 7)).toHaveLength(2);
});

test('a session that has expired makes room for others', () => {
  let clock = now;
  const wishes = new Wishes(() => clock, 100, 100);
  wishes.setLevel(session('a', 1), 'debug');
  clock += 62;
  wishes.setLevel(session('b'), 'debug');
  expect([wishes.levelOf('a'), wishes.levelOf('b')]).toEqual([undefined, 'debug']);
});
