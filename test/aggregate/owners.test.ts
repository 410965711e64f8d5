import { describe, expect, test } from 'vitest';

import { Catalogue } from '../../src/aggregate/catalogue.ts';
import { ownersOf, ownersOfUri } from '../../src/aggregate/owners.ts';
import type { Owners } from '../../src/aggregate/owners.ts';
import { outwardName } from '../../src/aggregate/names.ts';
import type { Page } from '../../src/aggregate/page.ts';
import { aPage, scripted } from './a-list.ts';
import { anUpstream } from './an-upstream.ts';

const one = anUpstream('one');
const two = anUpstream('two');

function idsOf({ owners }: Owners): readonly string[] {
  return owners.map(({ upstream }) => upstream.id);
}

describe('who owns a bare name', () => {
  test('all upstreams that list it do, in order, on whichever page it stands', async () => {
    const { view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': aPage(['b']), 'two -': aPage(['b']) });
    const catalogue = new Catalogue();
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'b'))).toEqual(['one', 'two']);
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'a'))).toEqual(['one']);
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'c'))).toEqual([]);
  });

  test('an upstream that could never be asked is reported, for it may own the name as well', async () => {
    const { view } = scripted({ 'one -': aPage(['a']), 'two -': new Error('down') });
    const found = await ownersOf(new Catalogue(), view(), [one, two], 'a');
    expect(idsOf(found)).toEqual(['one']);
    expect(found.unseen).toMatchObject([{ id: 'two' }]);
  });

  test('an upstream that cannot be asked any more owns what it listed last', async () => {
    const script: Record<string, Page | Error> = { 'one -': aPage(['a', 'b']), 'two -': aPage(['a']) };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    await ownersOf(catalogue, view(), [one, two], 'a');
    script['two -'] = new Error('down');
    const later = view({ nowMs: 5000, principal: 'another' });
    expect(idsOf(await ownersOf(catalogue, later, [one, two], 'a'))).toEqual(['one', 'two']);
    const found = await ownersOf(catalogue, later, [one, two], 'b');
    expect([idsOf(found), found.unseen]).toEqual([['one'], []]);
  });

  test('lists that are not to be kept are not asked for at each call', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['a'], undefined, { ttlMs: 0, isPublic: false }) });
    const catalogue = new Catalogue();
    for (const nowMs of [1000, 1050, 1099]) await ownersOf(catalogue, view({ nowMs, ttlMs: 100 }), [one], 'a');
    expect(asked).toHaveLength(1);
    await ownersOf(catalogue, view({ nowMs: 1100 }), [one], 'a');
    expect(asked).toHaveLength(2);
  });

  test('they are asked for again after a change', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['a']) });
    const catalogue = new Catalogue();
    await ownersOf(catalogue, view(), [one], 'a');
    catalogue.invalidate('one', 'tools', 'me');
    await ownersOf(catalogue, view(), [one], 'a');
    expect(asked).toHaveLength(2);
  });

  for (const [what, lists, names] of [
    ['4,096 lists', 4096, 1],
    ['16 MiB of names', 9, 10_000],
  ] as const) {
    test(`beyond ${what} the oldest list is forgotten`, async () => {
      const page = aPage(
        Array.from({ length: names }, (_, at) => `t${at}`),
        undefined,
        { ttlMs: 0, isPublic: false },
      );
      const { asked, view } = scripted({ 'one -': page });
      const catalogue = new Catalogue();
      const loads = async (at: number, nowMs: number): Promise<number> => {
        const before = asked.length;
        await ownersOf(catalogue, view({ principal: `p${at}`, nowMs, ttlMs: 100_000 }), [one], 't0');
        return asked.length - before;
      };
      for (let at = 0; at <= lists; at++) await loads(at, 1000);
      expect([await loads(1, 2000), await loads(lists, 2000), await loads(0, 2000)]).toEqual([0, 0, 1]);
    });
  }

  test('an alias is that of its upstream alone', async () => {
    const naming = { policy: 'always', separator: '__', maxChars: 32, tooLong: 'shorten' } as const;
    const [first, second] = [anUpstream('one', { naming }), anUpstream('two', { naming })];
    const long = 'x'.repeat(40);
    const { view } = scripted({ 'one -': aPage(['a', long]), 'two -': aPage([long]) });
    const { owners } = await ownersOf(new Catalogue(), view(), [first, second], outwardName(second, long));
    expect(owners).toEqual([{ upstream: second, key: long }]);
  });
});

describe('who owns a bare URI', () => {
  test('the upstreams that list it, without a look at templates', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['https://x/a']), 'two -': aPage([]) });
    expect(idsOf(await ownersOfUri(new Catalogue(), view(), [one, two], 'https://x/a'))).toEqual(['one']);
    expect(asked).toEqual(['one -', 'two -']);
  });

  test('else those with a template that it matches', async () => {
    const { view } = scripted({ 'one -': aPage(['https://x/{id}']), 'two -': aPage(['https://y/{id}']) });
    expect(idsOf(await ownersOfUri(new Catalogue(), view(), [one, two], 'https://y/1'))).toEqual(['two']);
  });

  test('the first 256 templates of an upstream are tried', async () => {
    const templates = Array.from({ length: 255 }, (_, at) => `x://${at}/{a}`);
    const { view } = scripted({ 'one -': aPage([...templates, 'y://{a}', 'z://{a}']) });
    expect(idsOf(await ownersOfUri(new Catalogue(), view(), [one], 'y://1'))).toEqual(['one']);
    expect(idsOf(await ownersOfUri(new Catalogue(), view(), [one], 'z://1'))).toEqual([]);
  });
});
