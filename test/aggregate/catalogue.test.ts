import { describe, expect, test } from 'vitest';

import { Catalogue } from '../../src/aggregate/catalogue.ts';
import type { KeptPage } from '../../src/aggregate/catalogue.ts';
import type { Page } from '../../src/aggregate/page.ts';
import { aPage, scripted } from './a-list.ts';
import { anUpstream } from './an-upstream.ts';

const up = anUpstream();

async function keysOf(pages: Promise<readonly KeptPage[]>): Promise<readonly string[]> {
  return (await pages).flatMap(({ page }) => page.keys);
}

/** A list that never ends: the cursor is a number, and so is the next one. */
function countUp(_upstream: unknown, _kind: unknown, cursor: string | undefined): Promise<Page> {
  const at = Number(cursor ?? '0');
  return Promise.resolve(aPage([`t${at}`], String(at + 1)));
}

test('pages that are forgotten as soon as they are there are bounded all the same', async () => {
  const catalogue = new Catalogue({ maxListBytes: 100, maxPages: 50 });
  const { view } = scripted({});
  const changing = view({
    load: (...asked) => {
      catalogue.invalidate('up');
      return countUp(...asked);
    },
  });
  // Each has 13 bytes.
  expect(await keysOf(catalogue.pages(changing, up))).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6']);
});

describe('keeping pages', () => {
  test('a page is loaded once and then at hand without a promise', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']) });
    const held = await catalogue.page(view(), up, undefined);
    expect(catalogue.page(view(), up, undefined)).toBe(held);
    expect(asked).toEqual(['up -']);
  });

  test('those who ask while a load is under way join it', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']) });
    const [one, other] = await Promise.all([
      catalogue.page(view(), up, undefined),
      catalogue.page(view(), up, undefined),
    ]);
    expect(one).toBe(other);
    expect(asked).toEqual(['up -']);
  });

  test('a page is loaded again once its time is over, and not before', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']) });
    await catalogue.page(view({ nowMs: 1000, ttlMs: 100 }), up, undefined);
    await catalogue.page(view({ nowMs: 1099 }), up, undefined);
    expect(asked).toHaveLength(1);
    await catalogue.page(view({ nowMs: 1100 }), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('a failed load is not kept', async () => {
    const catalogue = new Catalogue();
    const script: Record<string, Page | Error> = { 'up -': new Error('down') };
    const { view } = scripted(script);
    await expect(catalogue.page(view(), up, undefined)).rejects.toThrow('down');
    script['up -'] = aPage(['a']);
    await expect(catalogue.page(view(), up, undefined)).resolves.toMatchObject({ page: { keys: ['a'] } });
  });

  test('principals, kinds and upstreams do not share pages', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']), 'two -': aPage(['b']) });
    await catalogue.page(view(), up, undefined);
    await catalogue.page(view({ principal: 'you' }), up, undefined);
    await catalogue.page(view({ kind: 'prompts' }), up, undefined);
    await catalogue.page(view(), anUpstream('two'), undefined);
    expect(asked).toEqual(['up -', 'up -', 'up -', 'two -']);
  });

  test('a page behind a cursor can be had without those before it, as on another replica', async () => {
    const { asked, view } = scripted({ 'up c2': aPage(['b']) });
    await new Catalogue().page(view(), up, 'c2');
    expect(asked).toEqual(['up c2']);
  });
});

const open = (ttlMs: number) => ({ ttlMs, isPublic: true });

describe('what the upstream says of a page (2026-07-28 server/utilities/caching)', () => {
  test('its own time counts, and not that of the view', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, { ttlMs: 5000, isPublic: false }) });
    const held = await catalogue.page(view({ ttlMs: 100 }), up, undefined);
    expect([held.term.statedUntil, held.term.isPublic]).toEqual([6000, false]);
    await catalogue.page(view({ nowMs: 5999 }), up, undefined);
    expect(asked).toHaveLength(1);
    await catalogue.page(view({ nowMs: 6000 }), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('a page that counts for no time serves the request that asked, and those that wait with it', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, open(0)) });
    await Promise.all([catalogue.pages(view(), up), catalogue.pages(view(), up)]);
    await catalogue.page(view(), up, undefined);
    expect(asked).toHaveLength(1);
    await catalogue.page(view({ nowMs: 1001 }), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('a public page serves every audience, until it is over', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, open(500)) });
    const held = await catalogue.page(view(), up, undefined);
    expect(held.term.isPublic).toBe(true);
    expect(catalogue.page(view({ principal: 'you' }), up, undefined)).toBe(held);
    await catalogue.page(view({ principal: 'you', nowMs: 1500 }), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('a page that is private, or says nothing, serves its own audience alone', async () => {
    for (const stated of [
      { ttlMs: 500, isPublic: false },
      { ttlMs: undefined, isPublic: false },
    ]) {
      const catalogue = new Catalogue();
      const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, stated) });
      await catalogue.page(view(), up, undefined);
      await catalogue.page(view({ principal: 'you' }), up, undefined);
      expect(asked).toHaveLength(2);
    }
  });

  test('a public page is not shared where it may depend on the caller, nor with those who are shown another form of it', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, open(500)) });
    const dependent = await catalogue.page(view({ publicAudienceOf: () => undefined }), up, undefined);
    expect(dependent.term.isPublic).toBe(false);
    await catalogue.page(view({ principal: 'you' }), up, undefined);
    await catalogue.page(view({ principal: 'they', publicAudienceOf: () => 'older' }), up, undefined);
    expect(asked).toHaveLength(3);
  });

  test('a change that one audience hears of is a change of what is public', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, open(500)) });
    await catalogue.page(view(), up, undefined);
    catalogue.invalidate('up', 'tools', 'another');
    await catalogue.page(view(), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('a public page whose load began before a change is not shown to others', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a'], undefined, open(500)) });
    const loading = catalogue.page(view(), up, undefined);
    catalogue.invalidate('up', 'tools', 'another');
    await loading;
    await catalogue.page(view({ principal: 'you' }), up, undefined);
    expect(asked).toHaveLength(2);
  });

  test('an invalidated answer is one that no longer counts', async () => {
    const catalogue = new Catalogue();
    const { view } = scripted({ 'up -': aPage(['a'], undefined, open(500)) });
    const loading = catalogue.page(view(), up, undefined);
    catalogue.invalidate('up');
    expect((await loading).term.statedUntil).toBe(-Infinity);
  });

  test('public lists count towards the bounds like others', async () => {
    const catalogue = new Catalogue({ maxEntries: 1 });
    const script = { 'up -': aPage(['a'], undefined, open(500)), 'two -': aPage(['b'], undefined, open(500)) };
    const { asked, view } = scripted(script);
    await catalogue.page(view(), up, undefined);
    await catalogue.page(view(), anUpstream('two'), undefined);
    await catalogue.page(view(), up, undefined);
    expect(asked).toEqual(['up -', 'two -', 'up -']);
  });
});

describe('invalidation by list_changed', () => {
  for (const [what, args, stays] of [
    ['an upstream', ['up'], ['two']],
    ['one kind', ['up', 'tools'], ['two', 'prompts']],
    ['one principal', ['up', 'tools', 'me'], ['two', 'prompts', 'you']],
  ] as const) {
    test(`forgets the lists of ${what} and no others`, async () => {
      const catalogue = new Catalogue();
      const { asked, view } = scripted({ 'up -': aPage(['a']), 'two -': aPage(['b']) });
      const views = [
        ['up', view(), up],
        ['two', view(), anUpstream('two')],
        ['prompts', view({ kind: 'prompts' }), up],
        ['you', view({ principal: 'you' }), up],
      ] as const;
      for (const [, each, upstream] of views) await catalogue.page(each, upstream, undefined);
      catalogue.invalidate(args[0], args[1], args[2]);
      const kept: string[] = [];
      for (const [name, each, upstream] of views) {
        const before = asked.length;
        await catalogue.page(each, upstream, undefined);
        if (asked.length === before) kept.push(name);
      }
      expect(kept).toEqual(stays);
    });
  }

  test('a load under way is answered and not kept, for it may hold what was true before', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']) });
    const loading = catalogue.page(view(), up, undefined);
    catalogue.invalidate('up');
    expect((await loading).page.keys).toEqual(['a']);
    await catalogue.page(view(), up, undefined);
    expect(asked).toHaveLength(2);
  });
});

const names = (from: number): string[] => Array.from({ length: 5000 }, (_, at) => `t${from + at}`);

describe('lists without end', () => {
  test('the pages of a list are read in order', async () => {
    const { view } = scripted({ 'up -': aPage(['a'], 'c'), 'up c': aPage(['b'], 'd'), 'up d': aPage(['c']) });
    expect(await keysOf(new Catalogue().pages(view(), up))).toEqual(['a', 'b', 'c']);
  });

  test('a cursor that leads to itself ends the list with a fault', async () => {
    const { asked, view } = scripted({ 'up -': aPage(['a'], 'c'), 'up c': aPage(['b'], 'c') });
    const pages = await new Catalogue().pages(view(), up);
    expect(pages.map(({ page }) => page.keys)).toEqual([['a'], ['b']]);
    expect(pages[1]?.fault?.code).toBe('upstream_malformed');
    expect(asked).toEqual(['up -', 'up c']);
  });

  test('so does a cursor that leads back over several pages, even when nothing is to be kept', async () => {
    const { asked, view } = scripted({
      'up -': aPage(['a'], 'c'),
      'up c': aPage(['b'], 'd'),
      'up d': aPage(['c'], 'c'),
    });
    const pages = await new Catalogue().pages(view({ ttlMs: 0 }), up);
    expect(pages.at(-1)).toMatchObject({ fault: { code: 'upstream_malformed' }, page: { nextCursor: undefined } });
    expect(asked).toEqual(['up -', 'up c', 'up d']);
  });

  test('a page asked for out of order is no loop', async () => {
    const catalogue = new Catalogue();
    const { view } = scripted({ 'up -': aPage(['a'], 'c'), 'up c': aPage(['b'], 'd'), 'up d': aPage(['c']) });
    await catalogue.page(view(), up, 'd');
    await catalogue.page(view(), up, 'c');
    expect(await keysOf(catalogue.pages(view(), up))).toEqual(['a', 'b', 'c']);
  });

  test('the empty cursor is a cursor (2026-07-28 server/utilities/pagination)', async () => {
    const { view } = scripted({ 'up -': aPage(['a'], ''), 'up ': aPage(['b']) });
    expect(await keysOf(new Catalogue().pages(view(), up))).toEqual(['a', 'b']);
  });

  test('a server that means the end by the empty cursor shows its page once, and that is no fault', async () => {
    const { view } = scripted({ 'up -': aPage(['a'], ''), 'up ': aPage(['a'], '') });
    const pages = await new Catalogue().pages(view(), up);
    expect(pages.flatMap(({ page }) => page.keys)).toEqual(['a']);
    expect(pages.map(({ fault }) => fault)).toEqual([undefined, undefined]);
  });

  test('a list ends after its 128th page, and is then kept for a minute: it costs that much', async () => {
    const catalogue = new Catalogue();
    let loads = 0;
    const view = scripted({}).view({ load: (...page) => (loads++, countUp(...page)), ttlMsOf: () => 100 });
    const pages = await catalogue.pages(view, up);
    expect(pages).toHaveLength(128);
    expect(pages.at(-1)?.fault?.detail).toBe('a list without end: 128 pages');
    await catalogue.pages({ ...view, nowMs: 60_999 }, up);
    expect(loads).toBe(128);
    await catalogue.page({ ...view, nowMs: 61_000 }, up, undefined);
    expect(loads).toBe(129);
  });

  test('of a list 10,000 items are shown, and it ends within the page that has more', async () => {
    const { view } = scripted({
      'up -': aPage(names(0), 'c'),
      'up c': aPage(names(4999), 'd'),
      'up d': aPage(['the last', 'one too many'], 'e'),
    });
    const pages = await new Catalogue().pages(view(), up);
    expect(pages.flatMap(({ page }) => page.keys)).toHaveLength(10_000);
    expect(pages.at(-1)?.page.keys).toEqual(['the last']);
    expect(pages.at(-1)?.fault?.detail).toBe('a list without end: no more than its first 10000 items fit');
  });

  test('a list ends within the page that would bring it over its bytes', async () => {
    const { view } = scripted({ 'up -': aPage(['a'], 'c'), 'up c': aPage(['b', 'cc'], 'd') });
    const pages = await new Catalogue({ maxListBytes: 36 }).pages(view(), up);
    expect(pages.map(({ page }) => page.keys)).toEqual([['a'], ['b']]);
    expect(pages[1]?.page.body.toString()).toBe('{"name":"b"}');
    expect(pages.at(-1)?.fault?.detail).toBe('a list without end: no more than its first 2 items fit');
  });

  test('a page that was itself cut is the last', async () => {
    const cut = { ...aPage(['a'], 'c'), cut: 'items', left: 7 } as const;
    const pages = await new Catalogue().pages(scripted({ 'up -': cut }).view(), up);
    expect(pages.map(({ page }) => page.nextCursor)).toEqual([undefined]);
    expect(pages[0]?.fault?.detail).toBe('a list without end: 7 items beyond the first 1');
  });
});

describe('pages that overlap or do not advance', () => {
  test('an item that an earlier page has is not given again', async () => {
    const { view } = scripted({
      'up -': aPage(['a', 'b'], 'c'),
      'up c': aPage(['b', 'c', 'a'], 'd'),
      'up d': aPage(['c', 'd']),
    });
    const pages = await new Catalogue().pages(view(), up);
    expect(pages.map(({ page }) => page.body.toString())).toEqual([
      '{"name":"a"},{"name":"b"}',
      '{"name":"c"}',
      '{"name":"d"}',
    ]);
    expect(pages.map(({ page }) => page.count)).toEqual([2, 1, 1]);
    expect(pages.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined]);
  });

  test('a server that gives its first page for every cursor shows it once', async () => {
    for (const cursor of [(): string => 'c', (asked: number): string => `c${asked}`]) {
      let loads = 0;
      const load = (): Promise<Page> => Promise.resolve(aPage(['a', 'b'], cursor(loads++)));
      const pages = await new Catalogue().pages(scripted({}).view({ load }), up);
      expect(pages.flatMap(({ page }) => page.keys)).toEqual(['a', 'b']);
      expect(pages.at(-1)?.fault?.detail).toBe('a list without end: a page brings nothing new');
      expect(loads).toBe(2);
    }
  });

  test('a page without items leads on', async () => {
    const { view } = scripted({ 'up -': aPage([], 'c'), 'up c': aPage([], 'd'), 'up d': aPage(['a']) });
    expect(await keysOf(new Catalogue().pages(view(), up))).toEqual(['a']);
  });
});

describe('bounds of the catalogue', () => {
  for (const [what, limits] of [
    ['entries', { maxEntries: 2 }],
    ['bytes', { maxBytes: 3000 }],
  ] as const) {
    test(`beyond its ${what} the list loaded longest ago goes first`, async () => {
      const catalogue = new Catalogue(limits);
      const { asked, view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['b']), 'three -': aPage(['c']) });
      for (const id of ['one', 'two', 'three']) await catalogue.page(view(), anUpstream(id), undefined);
      asked.length = 0;
      for (const id of ['three', 'two', 'one']) await catalogue.page(view(), anUpstream(id), undefined);
      expect(asked).toEqual(['one -']);
    });
  }

  test('a list loaded again counts as loaded last', async () => {
    const catalogue = new Catalogue({ maxEntries: 2 });
    const { asked, view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['b']), 'three -': aPage(['c']) });
    for (const id of ['one', 'two']) await catalogue.page(view(), anUpstream(id), undefined);
    const later = view({ nowMs: 1050, ttlMs: 1000 });
    catalogue.invalidate('two');
    await catalogue.page(later, anUpstream('two'), undefined);
    await catalogue.page(view({ nowMs: 1100, ttlMs: 1000 }), anUpstream('one'), undefined);
    await catalogue.page(later, anUpstream('three'), undefined);
    asked.length = 0;
    await catalogue.page(later, anUpstream('one'), undefined);
    expect(asked).toEqual([]);
  });

  test('names count as well as items: of long ones fewer are kept', async () => {
    const long = 'x'.repeat(4000);
    const catalogue = new Catalogue({ maxBytes: 20_000 });
    const page = { ...aPage(['a']), keys: [long] };
    const { asked, view } = scripted({ 'one -': page, 'two -': page, 'three -': page });
    for (const id of ['one', 'two', 'three']) await catalogue.page(view(), anUpstream(id), undefined);
    await catalogue.page(view(), anUpstream('one'), undefined);
    expect(asked.filter((each) => each === 'one -')).toHaveLength(2);
  });

  test('what is kept for a session goes with it, and what is kept for others stays', async () => {
    const catalogue = new Catalogue();
    const { asked, view } = scripted({ 'up -': aPage(['a']) });
    const [mine, yours] = [view({ principal: 'mine 2025 0' }), view({ principal: 'yours 2025 0' })];
    for (const each of [mine, yours]) {
      await catalogue.page(each, up, undefined);
      await catalogue.names.of(catalogue, each, up);
      catalogue.merged.keep(
        'list',
        each.principal,
        { body: Buffer.alloc(0), next: undefined, upstreams: [], madeOf: [] },
        0,
      );
    }
    catalogue.forget('yours');
    expect(catalogue.merged.find('list', [], 0)).toBeUndefined();
    asked.length = 0;
    await catalogue.names.of(catalogue, mine, up);
    await catalogue.page(mine, up, undefined);
    expect(asked).toEqual([]);
    await catalogue.names.of(catalogue, yours, up);
    expect(asked).toEqual(['up -']);
  });

  test('lists that no longer count go when others are asked for', async () => {
    const catalogue = new Catalogue();
    const { view } = scripted({ 'up -': aPage(['a']) });
    for (let at = 0; at < 50; at++) await catalogue.page(view({ principal: `p${at}` }), up, undefined);
    expect(catalogue.size).toBe(50);
    for (let at = 0; at < 20; at++) await catalogue.page(view({ principal: `q${at}`, nowMs: 5000 }), up, undefined);
    expect(catalogue.size).toBe(20);
  });
});
