import { describe, expect, test } from 'vitest';

import { isNameable, outwardName, splitName } from '../../src/aggregate/names.ts';

describe('outward names (2026-07-28 server/tools §Tool Names)', () => {
  test('a name is prefixed with the id of its upstream', () => {
    expect(outwardName('github', 'create_issue')).toBe('github__create_issue');
  });

  for (const [text, id, name] of [
    ['github__create_issue', 'github', 'create_issue'],
    ['github___private', 'github', '_private'],
    ['github__a__b', 'github', 'a__b'],
    ['my_server__x', 'my_server', 'x'],
    ['github__', 'github', ''],
  ] as const) {
    test(`${text} is ${name === '' ? 'the empty name' : name} of ${id}`, () => {
      expect(splitName(text, new Set(['github', 'my_server']))).toEqual({ id, name });
    });
  }

  for (const text of ['create_issue', '__create_issue', '', 'gitlab__create_issue', 'github_create_issue']) {
    test(`"${text}" carries no known prefix`, () => {
      expect(splitName(text, new Set(['github', '']))).toBeUndefined();
    });
  }
});

describe('which names may be shown and called', () => {
  test('a tool name may use letters, digits, and _ . - /', () => {
    expect(isNameable('tool', 'up', 'aZ0_.-/')).toBe(true);
  });

  for (const name of ['', 'a b', 'ünï', 'a\n', 'a"b', 'a:b', 'a\u202eb']) {
    test(`a tool may not be called ${JSON.stringify(name)}`, () => {
      expect(isNameable('tool', 'up', name)).toBe(false);
    });
  }

  test('a prompt name may be any printable text, for the specification gives it no alphabet', () => {
    expect(isNameable('prompt', 'up', 'Zusammenfassung für Alle')).toBe(true);
  });

  for (const name of ['', 'a\nb', 'a\u0007', 'a\u202eb', 'a\u200bb', 'a\u{e0041}', 'a\ud800']) {
    test(`a prompt may not be called ${JSON.stringify(name)}`, () => {
      expect(isNameable('prompt', 'up', name)).toBe(false);
    });
  }

  for (const kind of ['tool', 'prompt'] as const) {
    test(`a ${kind} name may have 128 characters with its prefix, and no more`, () => {
      expect(isNameable(kind, 'up', 'x'.repeat(124))).toBe(true);
      expect(isNameable(kind, 'up', 'x'.repeat(125))).toBe(false);
    });
  }
});
