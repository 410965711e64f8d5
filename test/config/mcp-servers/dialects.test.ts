/** What each client writes in its own way. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readMcpServers } from '../../../src/config/mcp-servers/read.ts';
import { ConfigError, type UpstreamConfig } from '../../../src/config/model.ts';

const project = mkdtempSync(join(tmpdir(), 'manifold-'));
mkdirSync(join(project, '.vscode'));
afterAll(() => rmSync(project, { recursive: true }));

const url = 'https://example.com/mcp';

function read(document: unknown, env: Readonly<Record<string, string>> = {}, source = join(project, 'mcp.json')) {
  const config = readMcpServers(JSON.stringify(document), source, env);
  return { upstreams: config.routes[0]?.upstreams ?? [], warnings: config.warnings };
}

function only(server: object, env: Readonly<Record<string, string>> = {}): UpstreamConfig {
  return read({ mcpServers: { a: server } }, env).upstreams[0]!;
}

function problemsOf(server: object): readonly string[] {
  try {
    only(server);
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
  return [];
}

function at(name: string): string {
  return `github.com/modelcontextprotocol/servers/tree/main/src/${name}`;
}

test('Cline: names that are addresses, seconds, and its own keys', () => {
  const entry = { command: 'npx', args: ['-y', 'x'], timeout: 60, disabled: false, autoApprove: ['a'] };
  const { upstreams, warnings } = read({
    mcpServers: { [at('github')]: { ...entry, transportType: 'stdio' }, [at('gitlab')]: entry },
  });
  const [github, gitlab] = upstreams;
  expect(github?.id).toMatch(/^github-[0-9a-f]{6}$/);
  expect(gitlab?.id).toMatch(/^gitlab-[0-9a-f]{6}$/);
  expect([github?.timeoutMs, github?.name]).toEqual([60_000, at('github')]);
  expect(warnings.filter((warning) => warning.includes('taken for seconds'))).toHaveLength(2);
});

test('names that are alike in their first 32 characters are two servers', () => {
  const long = 'a-very-long-name-of-a-server-in-';
  const { upstreams } = read({ mcpServers: { [`${long}berlin`]: { url }, [`${long}paris`]: { url } } });
  const ids = upstreams.map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id.length).toBeLessThanOrEqual(32);
});

test('Kilo Code and Roo Code: seconds, alwaysAllow, watchPaths', () => {
  const { upstreams, warnings } = read({
    mcpServers: {
      a: { type: 'streamable-http', url, timeout: 300, alwaysAllow: ['x'], watchPaths: ['/x'], disabled: false },
    },
  });
  expect(upstreams[0]?.timeoutMs).toBe(300_000);
  expect(warnings).toHaveLength(1);
});

test('Kiro: disabledTools ["*"] shows none of the tools', () => {
  const { upstreams, warnings } = read({ mcpServers: { a: { url, disabledTools: ['*'], autoApprove: ['*'] } } });
  expect(upstreams[0]?.tools).toEqual({ include: new Set(), exclude: new Set() });
  expect(warnings).toEqual(['mcpServers.a.disabledTools: ["*"] shows no tool at all']);
});

test('Windsurf: serverUrl, and ${file:…} in headers and variables', () => {
  writeFileSync(join(project, 'key'), 's3cret\n');
  expect(only({ serverUrl: url, headers: { Authorization: 'Bearer ${file:key}' } }).transport).toMatchObject({
    url,
    headers: [['Authorization', 'Bearer s3cret']],
  });
  expect(only({ command: 'x', env: { KEY: `\${file:${project}/key}` } }).transport).toMatchObject({
    env: { KEY: 's3cret' },
  });
  expect(problemsOf({ serverUrl: url, headers: { A: '${file:none}' } })).toEqual([
    'mcpServers.a.headers.A: the file of a ${file:…} does not exist',
  ]);
});

test('VS Code: inputs come from the environment, and the workspace is the folder above .vscode', () => {
  writeFileSync(join(project, '.env'), 'A=1\n');
  const document = {
    inputs: [{ type: 'promptString', id: 'perplexity-key', description: 'Key', password: true }],
    servers: {
      p: {
        type: 'stdio',
        command: 'npx',
        args: ['${workspaceFolder}/x'],
        env: { KEY: '${input:perplexity-key}' },
        envFile: '${workspaceFolder}/.env',
      },
    },
  };
  const source = join(project, '.vscode', 'mcp.json');
  const { upstreams, warnings } = read(document, { PERPLEXITY_KEY: 's3cret' }, source);
  expect(upstreams[0]?.transport).toMatchObject({ args: [`${project}/x`], env: { KEY: 's3cret', A: '1' } });
  expect(warnings).toEqual([]);
  expect(() => read(document, {}, source)).toThrow('Set the environment variable PERPLEXITY_KEY');
});

test('Cherry Studio: isActive, baseUrl, and null for what is not set', () => {
  const { upstreams, warnings } = read({
    mcpServers: {
      a: { isActive: true, baseUrl: url, type: 'streamableHttp', command: null, args: null, headers: null, id: 'x' },
      b: { isActive: false, command: 7 },
    },
  });
  expect(upstreams.map(({ name }) => name)).toEqual(['a']);
  expect(warnings).toEqual([]);
});

function withFile(content: string | Uint8Array, more: object = {}): UpstreamConfig {
  writeFileSync(join(project, 'vars'), content);
  return only({ command: 'x', envFile: 'vars', ...more });
}

describe('an envFile', () => {
  test('gives its variables to the program; "env" has precedence, and null takes one out', () => {
    const text = '# keys\nA=1\nexport B="two words"\nC=\'$X # no comment\'\nD=4\n\n';
    expect(withFile(text, { env: { A: 'own', D: null, E: 5 } }).transport).toMatchObject({
      env: { A: 'own', B: 'two words', C: '$X # no comment', E: '5' },
    });
    expect(withFile(text, { env: { D: null } }).transport).not.toHaveProperty('env.D');
  });

  test('that cannot be read is a fault that shows none of it', () => {
    expect(problemsOf({ command: 'x', envFile: 'none' })).toEqual(['mcpServers.a.envFile: the file does not exist']);
    expect(problemsOf({ command: 'x', envFile: '.' })).toEqual(['mcpServers.a.envFile: the file is no regular file']);
    expect(() => withFile(Buffer.from([0x41, 0x3d, 0xff]))).toThrow('the file is not UTF-8');
    expect(() => withFile('A=\0')).toThrow('holds a NUL character');
    expect(() => withFile('A'.repeat(1_048_576 + 1))).toThrow(`is larger than 1048576 bytes`);
  });
});

function leavingOut(text: string) {
  return readMcpServers(text, 'mcp.json', {}, undefined, { withoutUnusable: true });
}

describe('an entry that cannot be used', () => {
  const document = {
    mcpServers: {
      good: { url },
      unset: { url, headers: { Authorization: 'Bearer ${NOT_SET}' } },
      twin: { url },
      ' twin': { url },
      number: 7,
      off: { disabled: true, url: 'x' },
    },
  };

  test('is left out with its reasons where that is asked for', () => {
    const config = leavingOut(JSON.stringify(document));
    expect(config.routes[0]?.upstreams.map(({ name }) => name)).toEqual(['good', 'twin']);
    expect(config.unusable?.map(({ name, faults }) => [name, faults.map(({ problem }) => problem)])).toEqual([
      ['unset', ['the environment variable NOT_SET is not set']],
      [' twin', ['its tools would begin with "twin__", as those of "twin" do']],
      ['number', ['a number is not accepted here']],
    ]);
  });

  test('that stands twice is left out, whichever of the two is meant', () => {
    const config = leavingOut(`{"mcpServers":{"a":{"url":"${url}"},"b":{"url":"${url}"},"a":{"url":"${url}"}}}`);
    expect(config.routes[0]?.upstreams.map(({ name }) => name)).toEqual(['b']);
    expect(config.unusable?.map(({ name }) => name)).toEqual(['a']);
  });

  test('is a fault of the file when it is the only one, and faults of the file stay faults', () => {
    expect(() => leavingOut('{"mcpServers":{"a":{"url":"x"}}}')).toThrow('mcpServers.a.url: not a web address');
    expect(() => leavingOut(`{"mcpServers":{"a":{"url":"${url}"}},"servers":{}}`)).toThrow(ConfigError);
    expect(() => leavingOut('{')).toThrow(ConfigError);
  });

  test('is a fault otherwise', () => {
    expect(() => read(document)).toThrow('3 faults');
  });
});
