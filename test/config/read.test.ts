/** The content of a file decides how it is read, not its name. */
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/model.ts';
import { readConfig, readSources } from '../../src/config/read.ts';
import { shownTarget, shownUrl } from '../../src/config/shown.ts';

function faultOf(text: string): string {
  try {
    readConfig(text, 'f', {});
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`).join('\n');
    throw fault;
  }
  return '';
}

test('JSON is an mcpServers file, also behind a byte order mark or a comment', () => {
  for (const text of [
    '{"servers":{"a":{"command":"x"}}}',
    '\uFEFF \n// c\n{"servers":{"a":{"command":"x"}}}',
    '/* c */{"servers":{"a":{"command":"x"}}}',
  ]) {
    expect(readConfig(text, 'f', {}).routes[0]?.upstreams).toHaveLength(1);
  }
});

test('YAML is read as documents of Kubernetes', () => {
  expect(faultOf('apiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: MCPRoute\n')).toBe(
    'metadata: missing\nspec: missing',
  );
  expect(faultOf('apiVersion: v1\nkind: Pod\n')).toBe('(root): no MCPRoute among the documents');
});

const file = (name: string, port: number) => ({
  name: `${port}.json`,
  text: `{"mcpServers":{"${name}":{"url":"http://127.0.0.1:${port}/mcp"}}}`,
});

test('the servers of two files stand behind one endpoint, and their names must differ', () => {
  const config = readSources([file('a', 1), file('b', 2)], {});
  expect(config.routes.map(({ path, upstreams }) => [path, upstreams.map(({ id }) => id)])).toEqual([
    ['/mcp', ['a', 'b']],
  ]);
  expect(() => readSources([file('a', 1), file('a', 2)], {})).toThrow(
    'mcpServers.a: a server of another file has this name. Rename one of them',
  );
});

test('an empty file is told to be empty', () => {
  expect(faultOf(' \n')).toBe('line 2, column 1: the text is empty');
});

test('an upstream is shown without query, arguments or keys in its path', () => {
  expect(shownUrl('https://example.com:8443/mcp/v1?key=abc')).toBe('https://example.com:8443/mcp/v1');
  expect(shownUrl('https://mcp.example.com/s/0123456789abcdefghij0/mcp')).toBe('https://mcp.example.com/s/…/mcp');
  expect(shownUrl('https://mcp.example.com/model-context-protocol/01234567890123456789')).toBe(
    'https://mcp.example.com/model-context-protocol/01234567890123456789',
  );
  const program = { kind: 'stdio', command: 'npx', env: {}, cwd: undefined } as const;
  expect(shownTarget({ ...program, args: ['--token', 'abc'] })).toBe('npx (2 arguments)');
  expect(shownTarget({ ...program, args: ['x'] })).toBe('npx (1 argument)');
  expect(shownTarget({ ...program, args: [] })).toBe('npx');
});

test('of several files each serves what is good in it, where that is asked for; one without anything good is a fault', () => {
  const bad = { name: 'bad.json', text: '{"mcpServers":{"x":{"url":7},"ok":{"url":"http://ok/mcp"}}}' };
  const config = readSources([file('a', 1), bad], {}, undefined, { withoutUnusable: true });
  expect(config.routes[0]?.upstreams.map(({ name }) => name)).toEqual(['a', 'ok']);
  expect(config.unusable?.map(({ name, faults }) => [name, faults[0]?.place])).toEqual([['x', 'bad.json']]);
  expect(() => readSources([file('a', 1), bad], {})).toThrow(ConfigError);
  const none = { name: 'none.json', text: '{"mcpServers":{"x":{"url":7}}}' };
  expect(() => readSources([file('a', 1), none], {}, undefined, { withoutUnusable: true })).toThrow(ConfigError);
});
