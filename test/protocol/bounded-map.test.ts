import { expect, test } from 'vitest';
import { BoundedMap } from '../../src/protocol/bounded-map.ts';

const keysOf = (map: { keys(): Iterable<string> }): string[] => [...map.keys()];

test('the entry that was set longest ago gives way, and is told of', () => {
  const gone: [string, number][] = [];
  const map = new BoundedMap<string, number>({ maxEntries: 3, onGaveWay: (value, key) => gone.push([key, value]) });
  for (const [at, key] of ['a', 'b', 'c', 'd', 'e'].entries()) expect(map.set(key, at)).toBe(true);
  expect(keysOf(map)).toEqual(['c', 'd', 'e']);
  expect(gone).toEqual([
    ['a', 0],
    ['b', 1],
  ]);
  expect([map.size, map.has('a'), map.get('c')]).toEqual([3, false, 2]);
});

test('to set or to renew an entry makes it the youngest, to read it does not', () => {
  const map = new BoundedMap<string, number>({ maxEntries: 3 });
  for (const key of ['a', 'b', 'c']) map.set(key, 0);
  map.get('a');
  map.set('b', 1);
  expect(map.renew('c')).toBe(0);
  expect(map.renew('x')).toBeUndefined();
  expect(keysOf(map)).toEqual(['a', 'b', 'c']);
  map.renew('a');
  map.set('d', 0);
  expect(keysOf(map)).toEqual(['c', 'a', 'd']);
});

test('weights are counted with the key, and given back when an entry is set anew, deleted or gives way', () => {
  const map = new BoundedMap<string, string>({
    maxEntries: 100,
    maxWeight: 10,
    weigh: (value, key) => key.length + value.length,
  });
  map.set('a', 'xxx');
  map.set('b', 'xxxx');
  expect(map.weight).toBe(9);
  map.set('a', 'x');
  expect([map.weight, keysOf(map)]).toEqual([7, ['b', 'a']]);
  map.set('c', 'xxx');
  expect([map.weight, keysOf(map)]).toEqual([6, ['a', 'c']]);
  expect([map.delete('a'), map.delete('a'), map.weight]).toEqual([true, false, 4]);
  map.clear();
  expect([map.weight, map.size]).toEqual([0, 0]);
});

test('what is too heavy for the whole map is not kept, and nothing gives way for it', () => {
  const map = new BoundedMap<string, string>({ maxEntries: 3, maxWeight: 4, weigh: (value) => value.length });
  map.set('a', 'xxxx');
  expect(map.set('b', 'xxxxx')).toBe(false);
  expect(keysOf(map)).toEqual(['a']);
  // Its old value has gone all the same: it would be wrong.
  expect(map.set('a', 'xxxxx')).toBe(false);
  expect([map.size, map.weight]).toEqual([0, 0]);
});

test('entries whose value is undefined are entries', () => {
  const map = new BoundedMap<string, undefined>({ maxEntries: 2 });
  for (const key of ['a', 'b', 'c']) map.set(key, undefined);
  expect([map.size, map.has('c'), map.delete('c'), map.size]).toEqual([2, true, true, 1]);
});

test('entries may be deleted while they are walked through', () => {
  const map = new BoundedMap<number, number>({ maxEntries: 10 });
  for (let key = 0; key < 10; key++) map.set(key, key);
  for (const [key] of map) if (key < 9) map.delete(key);
  expect([...map.values()]).toEqual([9]);
});

test('a map that could hold nothing is a mistake', () => {
  for (const maxEntries of [0, -1, Number.NaN]) expect(() => new BoundedMap({ maxEntries })).toThrow(RangeError);
});
