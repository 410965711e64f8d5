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
