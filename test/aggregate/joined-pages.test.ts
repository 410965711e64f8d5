import { describe, expect, test } from 'vitest';

import { MergedLists } from '../../src/aggregate/joined-pages.ts';
import type { Merged } from '../../src/aggregate/joined-pages.ts';

function aList(bytes: number): Merged {
  return { body: Buffer.alloc(bytes), next: undefined, upstreams: [], madeOf: [] };
}

describe('bounds of the merged lists', () => {
  test('beyond 256 lists the oldest goes', () => {
    const lists = new MergedLists();
    for (let at = 0; at < 257; at++) lists.keep(`list ${at}`, 'me', aList(1), 0);
    expect(lists.find('list 0', [], 0)).toBeUndefined();
    expect(lists.find('list 1', [], 0)).toBeDefined();
    expect(lists.find('list 256', [], 0)).toBeDefined();
  });

  test('beyond 32 MiB the oldest goes', () => {
    const lists = new MergedLists();
    lists.keep('first', 'me', aList(16 * 1024 * 1024 - 1000), 0);
    lists.keep('second', 'me', aList(16 * 1024 * 1024 - 1000), 0);
    expect(lists.find('first', [], 0)).toBeDefined();
    lists.keep('third', 'me', aList(2000), 0);
    expect(lists.find('first', [], 0)).toBeUndefined();
    expect(lists.find('second', [], 0)).toBeDefined();
  });

  test('a list kept again counts once', () => {
    const lists = new MergedLists();
    lists.keep('other', 'me', aList(1), 0);
    for (let at = 0; at < 300; at++) lists.keep('same', 'me', aList(1024 * 1024), 0);
    expect(lists.find('other', [], 0)).toBeDefined();
  });
});
