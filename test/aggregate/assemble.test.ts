import { describe, expect, test } from 'vitest';

import { assemble } from '../../src/aggregate/assemble.ts';
import type { Assembled, Position } from '../../src/aggregate/assemble.ts';
import { Catalogue } from '../../src/aggregate/catalogue.ts';
import type { View } from '../../src/aggregate/catalogue.ts';
import type { Page } from '../../src/aggregate/page.ts';
import { ConsentRequired } from '../../src/errors.ts';
import { aPage, scripted } from './a-list.ts';
import { anUpstream } from './an-upstream.ts';

const one = anUpstream('one');
const two = anUpstream('two');
const three = anUpstream('three');

function seal({ upstream, cursor }: Position): string {
  return `sealed ${upstream.id} ${cursor ?? '-'}`;
}

function textOf({ body }: Assembled): string {
  return body.toString();
}

const many = Array.from({ length: 1000 }, (_, at) => `t${at}`);

describe('the merged list', () => {
  test('upstreams follow each other in the order given, each drained of its pages', async () => {
    const { view } = scripted({
      'one -': aPage(['a'], 'c'),
      'one c': aPage(['b']),
      'two -': aPage([]),
      'three -': aPage(['c']),
    });
    const list = await assemble(new Catalogue(), view(), [one, two, three], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}');
    expect(list).toMatchObject({ next: undefined, failed: [] });
  });

  test('the items stand under the member of their kind', async () => {
    const { view } = scripted({ 'one -': aPage(['a']) });
    const list = await assemble(new Catalogue(), view({ kind: 'resourceTemplates' }), [one], undefined, seal);
    expect(textOf(list)).toBe('{"resourceTemplates":[{"name":"a"}]}');
  });

  test('without upstreams the list is empty', async () => {
    expect(textOf(await assemble(new Catalogue(), scripted({}).view(), [], undefined, seal))).toBe('{"tools":[]}');
  });

  test('first pages load in parallel', async () => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    const asked: string[] = [];
    const load: View['load'] = async ({ id }) => {
      asked.push(id);
      if (asked.length === 3) release();
      await gate;
      return aPage([id]);
    };
    const list = await assemble(new Catalogue(), scripted({}).view({ load }), [one, two, three], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"one"},{"name":"two"},{"name":"three"}]}');
  });
});

describe('a list of several pages', () => {
  test('1,000 items fill a page; the sealed cursor goes on behind them in the same upstream', async () => {
    const { view } = scripted({ 'one -': aPage(many, 'c"1'), 'one c"1': aPage(['last']), 'two -': aPage(['b']) });
    const catalogue = new Catalogue();
    const first = await assemble(catalogue, view(), [one, two], undefined, seal);
    expect(first.next).toEqual({ upstream: one, cursor: 'c"1' });
    expect(textOf(first).endsWith('{"name":"t999"}],"nextCursor":"sealed one c\\"1"}')).toBe(true);
    const second = await assemble(catalogue, view(), [one, two], first.next, seal);
    expect(textOf(second)).toBe('{"tools":[{"name":"last"},{"name":"b"}]}');
  });

  test('a full page goes on with the next upstream when its own is at its end', async () => {
    const { view } = scripted({ 'one -': aPage(many), 'two -': aPage(['b']) });
    const first = await assemble(new Catalogue(), view(), [one, two], undefined, seal);
    expect(first.next).toEqual({ upstream: two, cursor: undefined });
    const second = await assemble(new Catalogue(), view(), [one, two], first.next, seal);
    expect(textOf(second)).toBe('{"tools":[{"name":"b"}]}');
  });

  test('999 items do not fill a page, and a page that the last upstream fills is the last', async () => {
    const { view } = scripted({ 'one -': aPage(many.slice(1)), 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), [one, two], undefined, seal);
    expect(list.next).toBeUndefined();
  });

  test('128 pages of one upstream, empty ones too, fill a page', async () => {
    const { asked, view } = scripted(
      Object.fromEntries(
        Array.from({ length: 1001 }, (_, at) => [`one ${at === 0 ? '-' : at}`, aPage([], `${at + 1}`)]),
      ),
    );
    const list = await assemble(new Catalogue({ maxPages: 5000 }), view(), [one], undefined, seal);
    expect(list.next).toEqual({ upstream: one, cursor: '128' });
    expect(asked).toHaveLength(128);
  });

  for (const [bytes, isFull] of [
    [1024 * 1024, true],
    [1024 * 1024 - 1, false],
  ] as const) {
    test(`${bytes} bytes of items ${isFull ? 'fill' : 'do not fill'} a page`, async () => {
      const large = aPage(['x'.repeat(bytes - 11)]);
      expect(large.body).toHaveLength(bytes);
      const { view } = scripted({ 'one -': large, 'two -': aPage(['b']) });
      const list = await assemble(new Catalogue(), view(), [one, two], undefined, seal);
      expect(list.next !== undefined).toBe(isFull);
    });
  }

  test('a position in an upstream that is not in the list is cursor_invalid', async () => {
    const from = { upstream: three, cursor: 'c' };
    await expect(assemble(new Catalogue(), scripted({}).view(), [one], from, seal)).rejects.toThrow('cursor_invalid');
  });

  test('a position holds after a reload of the configuration, for the id counts', async () => {
    const { view } = scripted({ 'one c': aPage(['b']) });
    const from = { upstream: anUpstream('one'), cursor: 'c' };
    expect(textOf(await assemble(new Catalogue(), view(), [one], from, seal))).toBe('{"tools":[{"name":"b"}]}');
  });
});

describe('upstreams that fail', () => {
  test('one that fails is left out and reported', async () => {
    const { view } = scripted({ 'one -': new Error('down'), 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), [one, two], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"b"}]}');
    expect(list.failed).toEqual([{ upstream: one, fault: new Error('down') }]);
  });

  test('one that fails midway keeps what it had given', async () => {
    const { view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': new Error('down'), 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), [one, two], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"b"}]}');
    expect(list.failed).toMatchObject([{ upstream: { id: 'one' } }]);
  });

  test('one whose list loops gives its items and is reported', async () => {
    const { view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': aPage(['b'], 'c') });
    const list = await assemble(new Catalogue(), view(), [one], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"b"}]}');
    expect(list.cut).toMatchObject([{ fault: { code: 'upstream_malformed' } }]);
    expect(list.failed).toEqual([]);
  });

  test('one whose list is cut is reported when the list is made, which is kept all the same', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': aPage(['b'], 'c') });
    const catalogue = new Catalogue();
    await assemble(catalogue, view(), [one], undefined, seal);
    const again = await assemble(catalogue, view(), [one], undefined, seal);
    expect(textOf(again)).toBe('{"tools":[{"name":"a"},{"name":"b"}]}');
    expect(again.cut).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  test('an item of two pages is given once, also when the list has changed in between and no page is kept', async () => {
    const { view } = scripted({});
    const catalogue = new Catalogue();
    let loads = 0;
    const load = async (): Promise<Page> => {
      loads++;
      await Promise.resolve();
      catalogue.invalidate('one');
      return loads === 1 ? aPage(['a', 'b'], 'c') : aPage(loads === 2 ? ['b', 'd'] : ['a'], `c${loads}`);
    };
    const list = await assemble(catalogue, view({ load }), [one], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"b"},{"name":"d"}]}');
    expect(loads).toBe(3);
  });

  test('a replica that begins in the middle of a list gives no item that stands before it', async () => {
    const { view } = scripted({ 'one -': aPage(['a', 'b'], 'c'), 'one c': aPage(['b', 'c']) });
    const from = { upstream: one, cursor: 'c' };
    expect(textOf(await assemble(new Catalogue(), view(), [one], from, seal))).toBe('{"tools":[{"name":"c"}]}');
  });

  test('where one waits for permission and none answers, its fault has the link', async () => {
    const consent = new ConsentRequired('none', () => ({ id: 'x', url: 'https://a.example', message: 'm' }));
    const { view } = scripted({ 'one -': new Error('down'), 'two -': consent });
    await expect(assemble(new Catalogue(), view(), [one, two], undefined, seal)).rejects.toBe(consent);
  });

  test('all failing is upstreams_all_down', async () => {
    const { view } = scripted({ 'one -': new Error('down'), 'two -': new Error('down') });
    await expect(assemble(new Catalogue(), view(), [one, two], undefined, seal)).rejects.toThrow('upstreams_all_down');
  });

  test('a list with a failed upstream is not kept: the upstream appears when it is back', async () => {
    const script: Record<string, Page | Error> = { 'one -': new Error('down'), 'two -': aPage(['b']) };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    await assemble(catalogue, view(), [one, two], undefined, seal);
    script['one -'] = aPage(['a']);
    const list = await assemble(catalogue, view(), [one, two], undefined, seal);
    expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"b"}]}');
  });
});

describe('a warm list', () => {
  test('has the very bytes of the last time, and asks nobody', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['b']) });
    const catalogue = new Catalogue();
    const first = await assemble(catalogue, view(), [one, two], undefined, seal);
    const second = await assemble(catalogue, view({ nowMs: 1050 }), [one, two], undefined, seal);
    expect(second.body).toBe(first.body);
    expect(asked).toHaveLength(2);
  });

  test('gets its cursor sealed anew for each client', async () => {
    const { view } = scripted({ 'one -': aPage(many, 'c') });
    const catalogue = new Catalogue();
    await assemble(catalogue, view(), [one], undefined, () => 'mine');
    const other = await assemble(catalogue, view(), [one], undefined, () => 'yours');
    expect(textOf(other).endsWith(',"nextCursor":"yours"}')).toBe(true);
  });

  for (const [why, change] of [
    ['one of its pages has been invalidated', (catalogue: Catalogue) => catalogue.invalidate('two')],
    ['its time is over', () => ({ nowMs: 1100 })],
    ['another principal asks', () => ({ principal: 'you' })],
  ] as const) {
    test(`is made again when ${why}`, async () => {
      const script = { 'one -': aPage(['a']), 'two -': aPage(['b']) };
      const { view } = scripted(script);
      const catalogue = new Catalogue();
      await assemble(catalogue, view(), [one, two], undefined, seal);
      script['two -'] = aPage(['new']);
      const more = change(catalogue) ?? {};
      const list = await assemble(catalogue, view(more), [one, two], undefined, seal);
      expect(textOf(list)).toBe('{"tools":[{"name":"a"},{"name":"new"}]}');
    });
  }

  test('is another one for other upstreams', async () => {
    const { view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['b']) });
    const catalogue = new Catalogue();
    await assemble(catalogue, view(), [one, two], undefined, seal);
    expect(textOf(await assemble(catalogue, view(), [two, one], undefined, seal))).toBe(
      '{"tools":[{"name":"b"},{"name":"a"}]}',
    );
    expect(textOf(await assemble(catalogue, view(), [two], undefined, seal))).toBe('{"tools":[{"name":"b"}]}');
  });
});

const stated = (ttlMs: number) => ({ ttlMs, isPublic: true });

describe('what a client is told of how long a merged list counts (2026-07-28 server/utilities/caching)', () => {
  test('the least of its pages, minus their age, and public when all are', async () => {
    const catalogue = new Catalogue();
    const { view } = scripted({
      'one -': aPage(['a'], 'c', stated(900)),
      'one c': aPage(['b'], undefined, stated(400)),
      'two -': aPage(['c'], undefined, stated(700)),
    });
    const first = await assemble(catalogue, view(), [one, two], undefined, seal);
    expect(first.hints).toEqual({ ttlMs: 400, cacheScope: 'public' });
    const warm = await assemble(catalogue, view({ nowMs: 1150 }), [one, two], undefined, seal);
    expect(warm.hints).toEqual({ ttlMs: 250, cacheScope: 'public' });
  });

  test('nothing where an upstream says nothing or fails', async () => {
    const { view } = scripted({
      'one -': aPage(['a'], undefined, stated(900)),
      'two -': aPage(['b']),
      'three -': new Error('down'),
    });
    for (const upstreams of [
      [one, two],
      [one, three],
    ]) {
      const { hints } = await assemble(new Catalogue(), view(), upstreams, undefined, seal);
      expect(hints).toEqual({ ttlMs: 0, cacheScope: 'private' });
    }
  });

  test('every page of a list of several is private, the first as well', async () => {
    const { view } = scripted({
      'one -': aPage(many, 'c', stated(900)),
      'one c': aPage(['last'], undefined, stated(900)),
    });
    const catalogue = new Catalogue();
    const first = await assemble(catalogue, view(), [one], undefined, seal);
    const second = await assemble(catalogue, view(), [one], first.next, seal);
    for (const { hints } of [first, second]) expect(hints).toEqual({ ttlMs: 900, cacheScope: 'private' });
  });
});
