import { describe, expect, test } from 'vitest';

import { assemble } from '../../src/aggregate/assemble.ts';
import type { Assembled } from '../../src/aggregate/assemble.ts';
import { Catalogue } from '../../src/aggregate/catalogue.ts';
import type { Page } from '../../src/aggregate/page.ts';
import type { Naming } from '../../src/config/model.ts';
import { aPage, scripted } from './a-list.ts';
import { anUpstream } from './an-upstream.ts';

function upstreams(policy: Naming['policy'], ...ids: readonly string[]): ReturnType<typeof anUpstream>[] {
  const naming = { policy, separator: '__', maxChars: 64, tooLong: 'warn' } as const;
  return ids.map((id) => anUpstream(id, { naming }));
}

function namesOf({ body }: Assembled): readonly string[] {
  const { tools } = JSON.parse(body.toString()) as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

const seal = (): string => 'sealed';
const page = (body: string): Page => ({ ...aPage(['a']), body: Buffer.from(body) });
const given = (name: string): string => `{ "n":1.0 , "name" : "${name}" ,"x":{"name":"a"}}`;

describe('names with a prefix only where several upstreams have them', () => {
  test('those that one has stay bare, on whichever page the other stands', async () => {
    const { view } = scripted({ 'one -': aPage(['a', 'b'], 'c'), 'one c': aPage(['c']), 'two -': aPage(['c', 'd']) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(namesOf(list)).toEqual(['a', 'b', 'one__c', 'two__c', 'd']);
    expect(list.shadowed).toBe(0);
  });

  test('the rest of an item stays as it is', async () => {
    const { view } = scripted({ 'one -': page(given('a')), 'two -': page(given('a')) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(list.body.toString()).toBe(`{"tools":[${given('one__a')},${given('two__a')}]}`);
  });

  test('a name that reads as that of another upstream is never bare (security.md T22)', async () => {
    const { view } = scripted({ 'one -': aPage(['two__a', 'x__a']), 'two -': aPage(['a']) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(namesOf(list)).toEqual(['one__two__a', 'x__a', 'a']);
  });

  test('a name keeps its prefix while the other upstream that has it is down', async () => {
    const script: Record<string, Page | Error> = { 'one -': aPage(['a']), 'two -': aPage(['a']) };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    const both = upstreams('conflict', 'one', 'two');
    await assemble(catalogue, view(), both, undefined, seal);
    script['two -'] = new Error('down');
    expect(namesOf(await assemble(catalogue, view({ nowMs: 5000 }), both, undefined, seal))).toEqual(['one__a']);
  });

  test('a list is made anew when the other upstream changes', async () => {
    const script: Record<string, Page | Error> = { 'one -': aPage(['a']), 'two -': aPage(['b']) };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    const both = upstreams('conflict', 'one', 'two');
    expect(namesOf(await assemble(catalogue, view(), both, undefined, seal))).toEqual(['a', 'b']);
    script['two -'] = aPage(['a']);
    catalogue.invalidate('two');
    expect(namesOf(await assemble(catalogue, view(), both, undefined, seal))).toEqual(['one__a', 'two__a']);
  });

  test('a page is not kept while an upstream of another page is down, as names on it may depend on that one', async () => {
    const stated = { ttlMs: 3_600_000, isPublic: false };
    const script: Record<string, Page | Error> = {
      'one -': new Error('down'),
      'two -': aPage(['a'], undefined, stated),
    };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    const both = upstreams('conflict', 'one', 'two');
    const from = { upstream: both[1]!, cursor: undefined };
    const alone = await assemble(catalogue, view(), both, from, seal);
    expect(namesOf(alone)).toEqual(['a']);
    expect(alone.hints).toEqual({ ttlMs: 0, cacheScope: 'private' });
    script['one -'] = aPage(['a']);
    expect(namesOf(await assemble(catalogue, view(), both, from, seal))).toEqual(['two__a']);
  });

  test('what the pages hold decides, though calls go by names that are a little older', async () => {
    const once = { ttlMs: 0, isPublic: false };
    const script: Record<string, Page | Error> = {
      'one -': aPage(['a'], undefined, once),
      'two -': aPage(['b'], undefined, once),
    };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    const both = upstreams('conflict', 'one', 'two');
    expect(namesOf(await assemble(catalogue, view(), both, undefined, seal))).toEqual(['a', 'b']);
    script['one -'] = aPage(['a', 'b'], undefined, once);
    const later = await assemble(catalogue, view({ nowMs: 1_010 }), both, undefined, seal);
    expect(namesOf(later)).toEqual(['a', 'one__b', 'two__b']);
  });

  test('a name that one upstream lists on two of its pages is no conflict', async () => {
    const { view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': aPage(['a']), 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(namesOf(list)).toEqual(['a', 'a', 'b']);
  });

  test('a page that cannot be read anew fails its own upstream alone', async () => {
    const members = Array.from({ length: 30 }, (_each, at) => `"m${at}":0`).join();
    const names = Array.from({ length: 10_000 }, (_each, at) => `n${at}`);
    const body = names.map((name) => `{"name":"${name}",${members}}`).join();
    const { view } = scripted({ 'one -': { ...aPage(names), body: Buffer.from(body) }, 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(namesOf(list)).toEqual(['b']);
    expect(list.failed.map(({ upstream }) => upstream.id)).toEqual(['one']);
  });

  test('resources are no matter of names', async () => {
    const { asked, view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['a']) });
    await assemble(new Catalogue(), view({ kind: 'resources' }), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(asked).toEqual(['one -', 'two -']);
  });
});

describe('names that never have a prefix', () => {
  test('are those of the first upstream that has them', async () => {
    const { view } = scripted({ 'one -': aPage(['a']), 'two -': aPage(['a', 'one__a', 'b']), 'three -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), upstreams('never', 'one', 'two', 'three'), undefined, seal);
    expect(namesOf(list)).toEqual(['a', 'one__a', 'b']);
    expect(list.shadowed).toBe(2);
  });

  test('do not fall to another upstream while theirs is down', async () => {
    const script: Record<string, Page | Error> = { 'one -': aPage(['a']), 'two -': aPage(['a', 'b']) };
    const { view } = scripted(script);
    const catalogue = new Catalogue();
    const both = upstreams('never', 'one', 'two');
    await assemble(catalogue, view(), both, undefined, seal);
    script['one -'] = new Error('down');
    expect(namesOf(await assemble(catalogue, view({ nowMs: 5000 }), both, undefined, seal))).toEqual(['b']);
  });
});
