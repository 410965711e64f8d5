import { describe, expect, test } from 'vitest';

import { mergeInitialize } from '../../src/aggregate/initialize-result.ts';
import type { InitializeInput } from '../../src/aggregate/initialize-result.ts';
import { anUpstream } from './an-upstream.ts';

const own = { protocolVersion: '2025-11-25', version: '1.2.3' };
const tools = 1 << 0;
const toolsListChanged = 1 << 1;
const logging = 1 << 7;

function input(name: string, bits: number, instructions?: string): InitializeInput {
  return { upstream: anUpstream('up', { name }), serverCapabilityBits: bits, instructions };
}

function instructionsOf(...inputs: readonly InitializeInput[]): string {
  const result = JSON.parse(mergeInitialize(inputs, own)) as { instructions?: string };
  return result.instructions ?? '';
}

describe('the merged InitializeResult (2025-11-25 basic/lifecycle)', () => {
  test('has the union of the capabilities and the identity of the gateway', () => {
    const merged = mergeInitialize([input('a', tools), input('b', toolsListChanged | logging)], own);
    expect(JSON.parse(merged)).toEqual({
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true }, logging: {} },
      serverInfo: { name: 'manifold', version: '1.2.3' },
    });
  });

  test('has a title when the gateway has one', () => {
    const merged = mergeInitialize([], { ...own, title: 'Our "tools"' });
    expect(JSON.parse(merged)).toMatchObject({ serverInfo: { name: 'manifold', title: 'Our "tools"' } });
  });
});

const text = (size: number): string => `{"x":"${'y'.repeat(size - 8)}"}`;

const capabilitiesOf = (...texts: readonly (string | undefined)[]): unknown => {
  const inputs = texts.map((experimental, at) => ({ ...input(`n${at}`, tools), experimental }));
  return (JSON.parse(mergeInitialize(inputs, own)) as { capabilities: unknown }).capabilities;
};

describe('experimental capabilities', () => {
  test('are kept as they came, those of several together; the first to have one says what it is', () => {
    const merged = mergeInitialize([{ ...input('a', 0), experimental: '{"x": {"n":1.0}}' }], own);
    expect(merged).toContain('"capabilities":{"experimental":{"x": {"n":1.0}}}');
    expect(capabilitiesOf('{"x":{"a":1}}', undefined, '{"x":{"a":2},"y":{}}')).toEqual({
      tools: {},
      experimental: { x: { a: 1 }, y: {} },
    });
  });

  test('of one upstream may have 16 KiB; more are left out', () => {
    expect(capabilitiesOf(text(16 * 1024))).toHaveProperty('experimental');
    expect(capabilitiesOf(text(16 * 1024 + 1))).toEqual({ tools: {} });
  });
});

describe('merged instructions', () => {
  test('of the only upstream stand as they are, up to 32,768 characters', () => {
    expect(instructionsOf(input('One', 0, ' do this \n'))).toBe(' do this \n');
    expect(instructionsOf(input('One', 0, 'x'.repeat(32_768)))).toBe('x'.repeat(32_768));
    const cut = instructionsOf(input('One', 0, 'x'.repeat(32_769)));
    expect(cut).toHaveLength(32_768);
    expect(cut.endsWith('x\n[cut here by the gateway: 32769 characters in all]')).toBe(true);
  });

  test('stand under the name of their upstream, in order; silent upstreams are not named', () => {
    expect(
      instructionsOf(
        input('One', 0, ' do this \n'),
        input('Two', 0),
        input('Three', 0, '  '),
        input('Four', 0, 'that'),
      ),
    ).toBe('## One\ndo this\n\n## Four\nthat\n\n');
  });

  test('of one upstream may have 16,384 characters with their label; longer ones are cut, and that is said', () => {
    const whole = 'x'.repeat(16_384 - 9);
    expect(instructionsOf(input('One', 0, whole), input('Two', 0))).toBe(`## One\n${whole}\n\n`);
    const cut = instructionsOf(input('One', 0, `${whole}y`), input('Two', 0));
    expect(cut).toHaveLength(16_384);
    expect(cut.endsWith('xxx\n[cut here by the gateway: 16376 characters in all]\n\n')).toBe(true);
  });

  test('never exceed 32,768 characters, and no upstream talks another out', () => {
    const long = 'x'.repeat(100_000);
    const merged = instructionsOf(
      input('One', 0, long),
      input('Two', 0, long),
      input('Three', 0, long),
      input('Four', 0, 'brief'),
    );
    expect(merged.length).toBeLessThanOrEqual(32_768);
    expect(merged.match(/## \w+\n/g)).toEqual(['## One\n', '## Two\n', '## Three\n', '## Four\n']);
    expect(merged.endsWith('## Four\nbrief\n\n')).toBe(true);
  });

  test('of very many upstreams stay within the bound', () => {
    const inputs = Array.from({ length: 600 }, (_, at) => input(`n${at}`, 0, 'x'.repeat(100)));
    expect(instructionsOf(...inputs).length).toBeLessThanOrEqual(32_768);
  });

  test('are never cut inside a character', () => {
    for (const lead of ['', 'x']) {
      const merged = instructionsOf(input('One', 0, lead + '😀'.repeat(20_000)));
      expect(merged.isWellFormed()).toBe(true);
    }
  });
});
