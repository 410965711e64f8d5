import { describe, expect, test } from 'vitest';

import { bareName, isNameable, listedName, mayBeAlias, outwardName, splitName } from '../../src/aggregate/names.ts';
import type { Naming } from '../../src/config/model.ts';
import { anUpstream } from './an-upstream.ts';

const plain: Naming = { ...anUpstream().naming, charset: 'any' };
const up = named('up', {});

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

describe('names that models refuse: their interfaces take [A-Za-z0-9_-]{1,64}', () => {
  const models = named('up', { charset: 'models' });
  const forModels = /^[A-Za-z0-9_-]{1,64}$/;

  test('that models take stay as they are', () => {
    expect(outwardName(models, 'Get-it_2')).toBe('up__Get-it_2');
    expect(bareName(models, 'Get-it_2')).toBe('Get-it_2');
  });

  test('get an alias of their beginning and a hash, the same on every replica', () => {
    expect(outwardName(models, 'files.read')).toBe('up__files_read_3e0fc377ec58');
    expect(bareName(models, 'files.read')).toBe('files_read_3e0fc377ec58');
    expect(outwardName(models, 'files/read')).not.toBe(outwardName(models, 'files.read'));
  });

  for (const name of ['a.b', 'a/b', 'a b', 'ünï', '工具', '\u{1F600}', 'a:b', '.', `x.${'y'.repeat(126)}`]) {
    test(`${JSON.stringify(name)} may be shown, and is looked up by its alias`, () => {
      for (const policy of ['always', 'conflict', 'never'] as const) {
        const upstream = named('up', { charset: 'models', policy });
        expect(isNameable('tool', upstream, name)).toBe(true);
        expect(listedName(upstream, name)).toMatch(forModels);
        expect(mayBeAlias(upstream.naming, listedName(upstream, name))).toBe(true);
      }
    });
  }

  test('are those with a dot in the id of their server as well', () => {
    const dotted = named('my.server', { charset: 'models' });
    expect(outwardName(dotted, 'echo')).toMatch(/^my_server__echo_[0-9a-f]{12}$/);
    expect(bareName(dotted, 'echo')).toBe('echo');
    expect(isNameable('tool', dotted, 'x'.repeat(128))).toBe(true);
  });

  test('cannot be printed, or are too long for the specification: they are not shown', () => {
    for (const name of ['a\n', 'a\u202eb', 'a\u200b', '', 'ü'.repeat(129)])
      expect(isNameable('tool', models, name)).toBe(false);
  });

  test('are those of tools alone: no model is told the name of a prompt', () => {
    expect(listedName(models, 'sum up', 'prompt')).toBe('up__sum up');
  });

  test('are not mended where the operator wants them as they are', () => {
    expect(outwardName(up, 'a.b')).toBe('up__a.b');
    expect(mayBeAlias(plain, 'a_b_3e0fc377ec58')).toBe(false);
  });

  test('an alias is no longer than clients take', () => {
    expect(outwardName(named('up', { charset: 'models', maxChars: 32 }), `a.${'b'.repeat(100)}`)).toHaveLength(32);
  });
});
