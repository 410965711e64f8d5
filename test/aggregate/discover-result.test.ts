import { describe, expect, test } from 'vitest';

import { mergeDiscover } from '../../src/aggregate/discover-result.ts';
import type { DiscoverInput } from '../../src/aggregate/discover-result.ts';
import { anUpstream } from './an-upstream.ts';

const own = { version: '1.2.3', title: 'Our "tools"', supportedVersions: ['2026-07-28'] };
const tools = 1 << 0;
const resources = 1 << 4;
const resourcesSubscribe = 1 << 5;
const completions = 1 << 8;
const tasks = (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12);

function input(name: string, more: Partial<DiscoverInput> = {}): DiscoverInput {
  return {
    upstream: anUpstream('up', { name }),
    serverCapabilityBits: 0,
    statedUntil: 61_000,
    isPublic: true,
    ...more,
  };
}

function cacheOf(...inputs: readonly DiscoverInput[]): [unknown, unknown] {
  const result = JSON.parse(mergeDiscover(inputs, own, 1000)) as { ttlMs: unknown; cacheScope: unknown };
  return [result.ttlMs, result.cacheScope];
}

describe('the merged DiscoverResult (2026-07-28 server/discover)', () => {
  test('has the union of the capabilities without tasks, all instructions, and the identity of the gateway', () => {
    const merged = mergeDiscover(
      [
        input('One', { serverCapabilityBits: tools | tasks, instructions: 'do this' }),
        input('Two', { serverCapabilityBits: resources | resourcesSubscribe | completions, instructions: 'that' }),
      ],
      own,
      1000,
    );
    expect(JSON.parse(merged)).toEqual({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {}, resources: { subscribe: true }, completions: {} },
      instructions: '## One\ndo this\n\n## Two\nthat\n\n',
      ttlMs: 60_000,
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'manifold', title: 'Our "tools"', version: '1.2.3' } },
    });
  });

  test('has no instructions when no upstream has any', () => {
    const merged = mergeDiscover([input('One')], { version: '1', supportedVersions: ['a', 'b'] }, 1000);
    expect(JSON.parse(merged)).toEqual({
      resultType: 'complete',
      supportedVersions: ['a', 'b'],
      capabilities: {},
      ttlMs: 60_000,
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'manifold', version: '1' } },
    });
  });
});

describe('how long it counts and for whom', () => {
  test('is what is left of the shortest', () => {
    expect(cacheOf(input('a', { statedUntil: 6000 }), input('b', { statedUntil: 1300 }))).toEqual([300, 'public']);
  });

  test('is for one authorization context as soon as one upstream says so', () => {
    expect(cacheOf(input('a'), input('b', { isPublic: false }), input('c'))).toEqual([60_000, 'private']);
  });

  test('is no time when one upstream does not say', () => {
    expect(cacheOf(input('a'), input('b', { statedUntil: -Infinity, isPublic: false }))).toEqual([0, 'private']);
  });

  test('without upstreams is no time and for nobody else', () => {
    expect(cacheOf()).toEqual([0, 'private']);
  });
});
