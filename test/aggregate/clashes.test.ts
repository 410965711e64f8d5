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

  test('a name that reads as that of another upstream is never bare', async () => {
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
    expect(namesOf(list)).toEqual(['a', 'b']);
  });

  test('a page of many large items is read item by item', async () => {
    const members = Array.from({ length: 30 }, (_each, at) => `"m${at}":0`).join();
    const names = Array.from({ length: 10_000 }, (_each, at) => `n${at}`);
    const body = names.map((name) => `{"name":"${name}",${members}}`).join();
    const { view } = scripted({ 'one -': { ...aPage(names), body: Buffer.from(body) }, 'two -': aPage(['b']) });
    const list = await assemble(new Catalogue(), view(), upstreams('conflict', 'one', 'two'), undefined, seal);
    expect(namesOf(list)).toHaveLength(10_000);
    expect(list.failed).toEqual([]);
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

const resources = (...uris: readonly string[]): Page => ({
  ...aPage(uris),
  body: Buffer.from(uris.map((uri) => `{"uri":"${uri}","name":"n","uriTemplate":"${uri}"}`).join()),
});

const urisOf = async (
  kind: 'resources' | 'resourceTemplates',
  policy: Naming['policy'],
  ...pages: readonly Page[]
): Promise<readonly string[]> => {
  const ids = ['one', 'two', 'three'].slice(0, pages.length);
  const { view } = scripted(Object.fromEntries(pages.map((page, at) => [`${ids[at]} -`, page])));
  const list = await assemble(new Catalogue(), view({ kind }), upstreams(policy, ...ids), undefined, seal);
  const result = JSON.parse(list.body.toString()) as Record<string, { uri: string; uriTemplate: string }[]>;
  return (result[kind] ?? []).map(({ uri, uriTemplate }) => (kind === 'resources' ? uri : uriTemplate));
};

describe('URIs of several upstreams, where names have no prefix', () => {
  test('stay as they are where one lists them, and get their prefix where several do', async () => {
    expect(await urisOf('resources', 'conflict', resources('a:1', 'a:2'), resources('a:2', 'ui://x/y'))).toEqual([
      'a:1',
      'one+a:2',
      'two+a:2',
      'ui://x/y',
    ]);
  });

  test('that read as those of an upstream get their prefix', async () => {
    for (const policy of ['conflict', 'never'] as const)
      expect(await urisOf('resources', policy, resources('two+a:1', 'ui://two/x'), resources('a:1'))).toEqual([
        'one+two+a:1',
        'ui://one/two/x',
        'a:1',
      ]);
  });

  test('are those of the first that lists them where names never have a prefix', async () => {
    expect(await urisOf('resources', 'never', resources('a:1'), resources('a:1', 'a:2'))).toEqual(['a:1', 'a:2']);
  });

  test('a template stays as it is where no other upstream has one for URIs of its scheme', async () => {
    expect(
      await urisOf('resourceTemplates', 'conflict', resources('a:{x}', 'b:{x}'), resources('B:{y}', 'c:{x}')),
    ).toEqual(['a:{x}', 'one+b:{x}', 'two+B:{y}', 'c:{x}']);
    expect(await urisOf('resourceTemplates', 'conflict', resources('{x}'), resources('c:{x}'))).toEqual([
      'one+{x}',
      'two+c:{x}',
    ]);
    expect(await urisOf('resourceTemplates', 'conflict', resources('{x}', 'a:{x}'), resources())).toEqual([
      '{x}',
      'a:{x}',
    ]);
  });
});
