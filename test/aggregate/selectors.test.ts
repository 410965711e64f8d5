import { describe, expect, test } from 'vitest';

import { decide } from '../../src/aggregate/selectors.ts';
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
