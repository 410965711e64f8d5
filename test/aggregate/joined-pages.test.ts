import { describe, expect, test } from 'vitest';

import { MergedLists } from '../../src/aggregate/joined-pages.ts';
import type { Merged } from '../../src/aggregate/joined-pages.ts';

function aList(bytes: number): Merged {
  return { body: Buffer.alloc(bytes), next: undefined, upstreams: [], madeOf: [] };
}

describe('bounds of the merged lists', () => {
  test('beyond 256 lists the oldest goes', () => {
    const lists = new MergedLists();
    for (let at = 0; at < 257; at++) lists.keep(`list ${at}`, aList(1));
    expect(lists.find('list 0', [], 0)).toBeUndefined();
    expect(lists.find('list 1', [], 0)).toBeDefined();
    expect(lists.find('list 256', [], 0)).toBeDefined();
  });

  test('beyond 32 MiB the oldest goes', () => {
    const lists = new MergedLists();
    lists.keep('first', aList(16 * 1024 * 1024));
    lists.keep('second', aList(16 * 1024 * 1024));
    expect(lists.find('first', [], 0)).toBeDefined();
    lists.keep('third', aList(1));
    expect(lists.find('first', [], 0)).toBeUndefined();
    expect(lists.find('second', [], 0)).toBeDefined();
  });

  test('a list kept again counts once', () => {
    const lists = new MergedLists();
    lists.keep('other', aList(1));
    for (let at = 0; at < 300; at++) lists.keep('same', aList(1024 * 1024));
    expect(lists.find('other', [], 0)).toBeDefined();
  });
});
