import { describe, expect, test } from 'vitest';

import { decide, isSelective } from '../../src/aggregate/selectors.ts';
import type { NameSelector, UpstreamConfig } from '../../src/config/model.ts';
import { anUpstream } from './an-upstream.ts';

describe('selectors', () => {
  test('without any, every tool exists', () => {
    expect(decide(anUpstream(), 'tool', 'a')).toBe(true);
  });

  test('with an include list, what is not on it does not exist', () => {
    const upstream = anUpstream('up', { tools: { include: new Set(['a']), exclude: new Set() } });
    expect(decide(upstream, 'tool', 'a')).toBe(true);
    expect(decide(upstream, 'tool', 'b')).toBe(false);
    expect(decide(upstream, 'tool', 'A')).toBe(false);
  });

  test('an empty include list leaves nothing', () => {
    const upstream = anUpstream('up', { tools: { include: new Set(), exclude: new Set() } });
    expect(decide(upstream, 'tool', 'a')).toBe(false);
  });

  test('exclude wins over include', () => {
    const upstream = anUpstream('up', { tools: { include: new Set(['a']), exclude: new Set(['a']) } });
    expect(decide(upstream, 'tool', 'a')).toBe(false);
  });

  test('tool selectors say nothing about prompts and resources', () => {
    const upstream = anUpstream('up', { tools: { include: new Set(), exclude: new Set(['a']) } });
    expect(decide(upstream, 'prompt', 'a')).toBe(true);
    expect(decide(upstream, 'resource', 'file:///a')).toBe(true);
  });

  test('a name that no list shows cannot be called either', () => {
    expect(decide(anUpstream(), 'tool', 'a\u200bb')).toBe(false);
    expect(decide(anUpstream(), 'tool', 'x'.repeat(125))).toBe(false);
    expect(decide(anUpstream(), 'prompt', 'a\nb')).toBe(false);
  });
});

describe('patterns', () => {
  const nothing = new Set<string>();

  test('match anywhere in the name, and exclude wins', () => {
    const tools = { include: undefined, exclude: nothing, includePatterns: ['issues?'], excludePatterns: ['^delete'] };
    const upstream = anUpstream('up', { tools });
    expect(decide(upstream, 'tool', 'list_issue')).toBe(true);
    expect(decide(upstream, 'tool', 'read')).toBe(false);
    expect(decide(upstream, 'tool', 'delete_issue')).toBe(false);
  });

  test('with exclude alone, all else exists', () => {
    const upstream = anUpstream('up', { tools: { include: undefined, exclude: nothing, excludePatterns: ['x'] } });
    expect(decide(upstream, 'tool', 'a')).toBe(true);
    expect(decide(upstream, 'tool', 'axb')).toBe(false);
  });

  test('hold for prompts and resources as well, and after a clone to a worker', () => {
    const upstream = structuredClone(
      anUpstream('up', {
        prompts: { include: new Set(['a']), exclude: nothing },
        resources: { include: undefined, exclude: nothing, includePatterns: ['^file:///public/'] },
      }),
    );
    expect(decide(upstream, 'prompt', 'a')).toBe(true);
    expect(decide(upstream, 'prompt', 'b')).toBe(false);
    expect(decide(upstream, 'resource', 'file:///public/a')).toBe(true);
    expect(decide(upstream, 'resource', 'file:///secret')).toBe(false);
  });
});

function of(tools: Partial<NameSelector>): UpstreamConfig {
  return anUpstream('up', { tools: { include: undefined, exclude: new Set<string>(), ...tools } });
}

describe('whether names may be hidden', () => {
  for (const [about, upstream, is] of [
    ['no selector', of({}), false],
    ['an empty include', of({ include: new Set() }), true],
    ['an exclude', of({ exclude: new Set(['a']) }), true],
    ['a pattern to include', of({ includePatterns: ['^a'] }), true],
    ['a pattern to exclude', of({ excludePatterns: ['^a'] }), true],
  ] as const)
    test(`${about}: ${is}`, () => {
      expect(isSelective(upstream, 'tool')).toBe(is);
      expect(isSelective(upstream, 'prompt')).toBe(false);
    });

  test('by prompts and resources too', () => {
    const upstream = anUpstream('up', {
      prompts: { include: undefined, exclude: new Set(['p']) },
      resources: { include: undefined, exclude: new Set(), includePatterns: ['^file:'] },
    });
    expect([isSelective(upstream, 'prompt'), isSelective(upstream, 'resource'), isSelective(upstream, 'tool')]).toEqual(
      [true, true, false],
    );
    expect([decide(upstream, 'resource', 'file:///a'), decide(upstream, 'resource', 'http://a')]).toEqual([
      true,
      false,
    ]);
  });
});
