import { describe, expect, test } from 'vitest';

import { bareName, isNameable, listedName, mayBeAlias, outwardName, splitName } from '../../src/aggregate/names.ts';
import type { Naming } from '../../src/config/model.ts';
import { anUpstream } from './an-upstream.ts';

const plain = anUpstream().naming;
const up = anUpstream('up');

function named(id: string, naming: Partial<Naming>): ReturnType<typeof anUpstream> {
  return anUpstream(id, { naming: { ...plain, ...naming } });
}

describe('outward names (2026-07-28 server/tools §Tool Names)', () => {
  test('a name is prefixed with the id of its upstream', () => {
    expect(outwardName(anUpstream('github'), 'create_issue')).toBe('github__create_issue');
  });

  for (const [text, id, name] of [
    ['github__create_issue', 'github', 'create_issue'],
    ['github___private', 'github', '_private'],
    ['github__a__b', 'github', 'a__b'],
    ['my_server__x', 'my_server', 'x'],
    ['github__', 'github', ''],
  ] as const) {
    test(`${text} is ${name === '' ? 'the empty name' : name} of ${id}`, () => {
      expect(splitName(text, new Set(['github', 'my_server']), plain)).toEqual({ id, name });
    });
  }

  for (const text of ['create_issue', '__create_issue', '', 'gitlab__create_issue', 'github_create_issue']) {
    test(`"${text}" carries no known prefix`, () => {
      expect(splitName(text, new Set(['github', '']), plain)).toBeUndefined();
    });
  }
});

describe('which names may be shown and called', () => {
  test('a tool name may use letters, digits, and _ . - /', () => {
    expect(isNameable('tool', up, 'aZ0_.-/')).toBe(true);
  });

  for (const name of ['', 'a b', 'ünï', 'a\n', 'a"b', 'a:b', 'a\u202eb']) {
    test(`a tool may not be called ${JSON.stringify(name)}`, () => {
      expect(isNameable('tool', up, name)).toBe(false);
    });
  }

  test('a prompt name may be any printable text, for the specification gives it no alphabet', () => {
    expect(isNameable('prompt', up, 'Zusammenfassung für Alle')).toBe(true);
  });

  for (const name of ['', 'a\nb', 'a\u0007', 'a\u202eb', 'a\u200bb', 'a\u{e0041}', 'a\ud800']) {
    test(`a prompt may not be called ${JSON.stringify(name)}`, () => {
      expect(isNameable('prompt', up, name)).toBe(false);
    });
  }

  for (const kind of ['tool', 'prompt'] as const) {
    test(`a ${kind} name may have 128 characters with its prefix, and no more`, () => {
      expect(isNameable(kind, up, 'x'.repeat(124))).toBe(true);
      expect(isNameable(kind, up, 'x'.repeat(125))).toBe(false);
    });
  }
});

describe('names as the operator wants them', () => {
  test('another separator stands between id and name, and is where they part', () => {
    const dotted = named('git.hub', { separator: '--' });
    expect(outwardName(dotted, 'a--b')).toBe('git.hub--a--b');
    expect(splitName('git.hub--a--b', new Set(['git.hub']), dotted.naming)).toEqual({ id: 'git.hub', name: 'a--b' });
  });

  test('are listed with a prefix, or bare', () => {
    expect(listedName(named('up', { policy: 'always' }), 'a')).toBe('up__a');
    expect(listedName(named('up', { policy: 'conflict' }), 'a')).toBe('a');
    expect(listedName(named('up', { policy: 'never' }), 'a')).toBe('a');
  });

  test('that never have a prefix are never read as having one', () => {
    const { naming } = named('up', { policy: 'never' });
    expect(splitName('up__a', new Set(['up']), naming)).toBeUndefined();
    expect(isNameable('tool', named('up', { policy: 'never' }), 'x'.repeat(128))).toBe(true);
    expect(isNameable('tool', named('up', { policy: 'never' }), 'x'.repeat(129))).toBe(false);
  });
});

describe('names longer than clients take', () => {
  const short = named('up', { tooLong: 'shorten', maxChars: 32 });

  test('stay as they are when the operator is only to be warned', () => {
    expect(outwardName(named('up', { maxChars: 32 }), 'x'.repeat(60))).toBe(`up__${'x'.repeat(60)}`);
  });

  test('stay as they are up to the limit', () => {
    expect(outwardName(short, 'x'.repeat(28))).toBe(`up__${'x'.repeat(28)}`);
  });

  test('get an alias of their beginning and a hash of upstream and name, the same on every replica', () => {
    expect(outwardName(short, 'x'.repeat(29))).toBe('up__xxxxxxxxxxxxxxx_200b1499691b');
    expect(bareName(short, 'x'.repeat(33))).toBe('xxxxxxxxxxxxxxxxxxx_251916537820');
    expect(bareName(named('ub', short.naming), 'x'.repeat(33))).not.toBe(bareName(short, 'x'.repeat(33)));
  });

  test('may then be as long as the specification allows without their prefix', () => {
    expect(isNameable('tool', short, 'x'.repeat(128))).toBe(true);
    expect(isNameable('tool', short, 'x'.repeat(129))).toBe(false);
  });

  test('are cut between characters', () => {
    const alias = bareName(short, `${'x'.repeat(18)}\u{1F600}${'x'.repeat(20)}`);
    expect(alias).toMatch(/^x{18}_[0-9a-f]{12}$/);
    expect(mayBeAlias(short.naming, alias)).toBe(true);
  });

  test('alone are looked up: of the right length and ending in a hash', () => {
    expect(mayBeAlias(short.naming, outwardName(short, 'x'.repeat(29)))).toBe(true);
    expect(mayBeAlias(short.naming, 'up__x')).toBe(false);
    expect(mayBeAlias(short.naming, `${'x'.repeat(17)}_0123456789ab`)).toBe(false);
    expect(mayBeAlias(short.naming, `${'x'.repeat(19)}_0123456789aB`)).toBe(false);
    expect(mayBeAlias(named('up', { maxChars: 32 }).naming, outwardName(short, 'x'.repeat(29)))).toBe(false);
  });
});
