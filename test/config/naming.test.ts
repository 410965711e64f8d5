/** Separators and ids that go together, and what is said of those that do not. */
import { describe, expect, test } from 'vitest';
import { readMcpServers } from '../../src/config/mcp-servers/read.ts';
import { ConfigError } from '../../src/config/model.ts';
import type { Naming } from '../../src/config/model.ts';

const url = 'https://example.com/mcp';

/** Faults and warnings of a file with one server of this name. */
function said(name: string, naming: Partial<Naming>, server: object = {}): readonly string[] {
  const all = { policy: 'always', separator: '__', maxChars: 64, tooLong: 'warn', ...naming } as const;
  try {
    return readMcpServers(JSON.stringify({ mcpServers: { [name]: { url, ...server } } }), 'f', {}, all).warnings;
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
}

describe('an id and the separator behind it', () => {
  for (const [name, separator] of [
    ['my.server', '.'],
    ['my_server', '_'],
    ['a-b', '-'],
    ['aba', 'ba'],
  ] as const) {
    test(`${name} does not go with ${separator}, for names would have two readings`, () => {
      const [fault] = said(name, { separator });
      expect(fault).toContain(`its id "${name}" does not go with the separator "${separator}"`);
      expect(said(name, { separator, policy: 'conflict' })).toHaveLength(1);
      expect(said(name, { separator, policy: 'never' })).toEqual([]);
    });
  }

  for (const [name, separator] of [
    ['my.server', '__'],
    ['my-server', '.'],
    ['my_server', '__'],
  ] as const) {
    test(`${name} goes with ${separator}`, () => {
      expect(said(name, { separator })).toEqual([]);
    });
  }
});

test('what is said of prefixes names the separator in use', () => {
  expect(said('my server', { separator: '.' })).toEqual(['mcpServers["my server"]: its tools begin with "my-server."']);
  expect(said('my server', { policy: 'never' })).toEqual([]);
  expect(said('docs', { separator: '.' }, { excludeTools: ['docs.a'] }).join()).toContain('prefix "docs."');
  expect(said('docs', { policy: 'never' }, { excludeTools: ['docs__a'] })).toEqual([]);
});
