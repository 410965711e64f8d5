import { describe, expect, test } from 'vitest';

import { Catalogue } from '../../src/aggregate/catalogue.ts';
import { ownersOf, ownersOfUri } from '../../src/aggregate/owners.ts';
import type { Owners } from '../../src/aggregate/owners.ts';
import { aPage, scripted } from './a-list.ts';
import { anUpstream } from './an-upstream.ts';

const one = anUpstream('one');
const two = anUpstream('two');

function idsOf({ owners }: Owners): readonly string[] {
  return owners.map(({ id }) => id);
}

describe('who owns a bare name (protocol.md D3)', () => {
  test('all upstreams that list it do, in order, on whichever page it stands', async () => {
    const { view } = scripted({ 'one -': aPage(['a'], 'c'), 'one c': aPage(['b']), 'two -': aPage(['b']) });
    const catalogue = new Catalogue();
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'b'))).toEqual(['one', 'two']);
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'a'))).toEqual(['one']);
    expect(idsOf(await ownersOf(catalogue, view(), [one, two], 'c'))).toEqual([]);
  });

  test('an upstream that cannot be asked is reported, for it may own the name as well', async () => {
    const { view } = scripted({ 'one -': aPage(['a']), 'two -': new Error('down') });
    const found = await ownersOf(new Catalogue(), view(), [one, two], 'a');
    expect(idsOf(found)).toEqual(['one']);
    expect(found.failed).toMatchObject([{ upstream: { id: 'two' } }]);
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
