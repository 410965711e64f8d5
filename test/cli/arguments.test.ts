/** The command line and the environment, read together. */
import { describe, expect, test } from 'vitest';
import type { RunOptions } from '../../src/process/options.ts';
import { parseCommand } from '../../src/cli/arguments.ts';
import { UsageError } from '../../src/process/usage.ts';

function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): RunOptions {
  const command = parseCommand(['run', ...argv], env);
  if (command.kind !== 'run') throw new Error(`got ${command.kind}`);
  return command.options;
}

function faultOf(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  try {
    parseCommand(argv, env);
  } catch (fault) {
    if (fault instanceof UsageError) {
      expect(fault.message).not.toContain('\n');
      return `${fault.message} | ${fault.hint}`;
    }
    throw fault;
  }
  return '';
}

const defaults = {
  files: [],
  mcpConfig: [],
  mcpJson: [],
  host: '127.0.0.1',
  port: 1975,
  isPortGiven: false,
  adminHost: '127.0.0.1',
  adminPort: 1064,
  workers: 1,
  sessionKeys: undefined,
  sessionSecret: undefined,
  sessionKdf: 'scrypt',
  gatewayName: 'manifold',
  resource: undefined,
  sessions: 'optional',
  naming: { policy: 'always', separator: '__', maxChars: 64, tooLong: 'warn', charset: 'models' },
  sessionMaxAgeSeconds: 86_400,
  initTimeoutMs: 5_000,
  drainTimeoutMs: 30_000,
  drainDelayMs: 1_000,
  allowedHosts: [],
  allowedOrigins: [],
  logLevel: 'info',
  logFormat: 'auto',
  logPrincipals: 'hashed',
  auditLog: undefined,
  strict: false,
  maxMessageBytes: 4_194_304,
  maxAnswerBytes: 16_777_216,
  memoryBudget: 134_217_728,
  peers: undefined,
};

describe('run', () => {
  test('needs a source and has a default for all else', () => {
    expect(run(['a.json', 'b.json'])).toEqual({ ...defaults, files: ['a.json', 'b.json'] });
    expect(run(['--mcp-config', 'a.json'])).toEqual({ ...defaults, mcpConfig: ['a.json'] });
    expect(run(['--mcp-json', '{}'])).toEqual({ ...defaults, mcpJson: ['{}'] });
  });

  test('obeys every flag', () => {
    const argv = [
      [
        '--mcp-config',
        'a.json',
        '--host',
        '0.0.0.0',
        '--port',
        '0',
        '--admin-host',
        '0.0.0.0',
        '--admin-port',
        '65535',
        '--workers=4',
      ],
      ['--session-keys', 'k.json', '--session-kdf', 'pbkdf2-sha256:600000', '--gateway-name', 'g'],
      ['--public-url', 'https://mcp.example.com/mcp', '--sessions', 'required', '--session-max-age', '7d'],
      ['--init-timeout', '500ms', '--drain-timeout', '2m', '--drain-delay', '15s'],
      ['--allowed-hosts', 'A.example.com, b:8443'],
      ['--allowed-hosts', '[::1]:80', '--allowed-origins', 'https://App.example.com,http://localhost:3000'],
      ['--peers', 'manifold-peers', '--log-level', 'debug', '--log-principals', 'named'],
      ['--admin-tls-cert', 'c.pem', '--admin-tls-key', 'k.pem', '--admin-token-file', 't'],
      ['--names', 'conflict', '--name-separator', '.', '--name-max', '128', '--long-names', 'shorten'],
    ].flat();
    expect(run(argv)).toEqual({
      files: [],
      mcpConfig: ['a.json'],
      mcpJson: [],
      host: '0.0.0.0',
      port: 0,
      isPortGiven: true,
      adminHost: '0.0.0.0',
      adminPort: 65_535,
      adminTls: { cert: 'c.pem', key: 'k.pem' },
      adminTokenFile: 't',
      workers: 4,
      sessionKeys: 'k.json',
      sessionSecret: undefined,
      sessionKdf: 'pbkdf2-sha256:600000',
      gatewayName: 'g',
      resource: 'https://mcp.example.com/mcp',
      sessions: 'required',
      naming: { policy: 'conflict', separator: '.', maxChars: 128, tooLong: 'shorten', charset: 'any' },
      sessionMaxAgeSeconds: 604_800,
      initTimeoutMs: 500,
      drainTimeoutMs: 120_000,
      drainDelayMs: 15_000,
      allowedHosts: ['a.example.com', 'b:8443', '[::1]:80'],
      allowedOrigins: ['https://app.example.com', 'http://localhost:3000'],
      logLevel: 'debug',
      logFormat: 'auto',
      logPrincipals: 'named',
      strict: false,
      maxMessageBytes: 4_194_304,
      maxAnswerBytes: 16_777_216,
      memoryBudget: 134_217_728,
      peers: 'manifold-peers',
    });
  });

  test('shows names of tools as models take them, unless the separator is one that they refuse', () => {
    expect(run(['a', '--name-separator', '-']).naming.charset).toBe('models');
    expect(run(['a', '--name-separator', '.']).naming.charset).toBe('any');
    expect(run(['a', '--names-charset', 'any']).naming.charset).toBe('any');
    expect(() => run(['a', '--name-separator', '.', '--names-charset', 'models'])).toThrow('does not go with');
  });

  test('has no admin port when it is off', () => {
    expect(run(['a', '--admin-port', 'off']).adminPort).toBeUndefined();
  });

  test('takes the last of a flag that stands twice', () => {
    expect(run(['a', '--port', '1', '--port', '2']).port).toBe(2);
  });

  test('reads each flag from the environment too, and the command line wins', () => {
    const env = {
      MANIFOLD_PORT: '8080',
      MANIFOLD_ALLOWED_HOSTS: 'a,b',
      MANIFOLD_SESSION_KEYS: 'k.json',
      MANIFOLD_LOG_LEVEL: '',
      MANIFOLD_SESSION_SECRET: 'correct horse battery staple',
    };
    expect(run(['a'], env)).toEqual({
      ...defaults,
      files: ['a'],
      port: 8080,
      isPortGiven: true,
      allowedHosts: ['a', 'b'],
      sessionKeys: 'k.json',
      sessionSecret: 'correct horse battery staple',
    });
    expect(run(['a', '--port', '9', '--allowed-hosts', 'c'], env)).toMatchObject({ port: 9, allowedHosts: ['c'] });
  });

  test('is not misled by the variables that Kubernetes makes for a Service called manifold', () => {
    const env = { MANIFOLD_PORT: 'tcp://10.0.0.1:1975', MANIFOLD_ADMIN_PORT: 'tcp://10.0.0.2:1064' };
    expect(run(['a'], env)).toMatchObject({ port: 1975, adminPort: 1064 });
    expect(faultOf(['run', 'a', '--port', 'tcp://10.0.0.1:1975'])).toContain('--port must be a whole number');
  });

  test('takes any number of sources, and those on the command line outdo those of the environment', () => {
    const env = { MANIFOLD_MCP_CONFIG: 'env.json', MANIFOLD_MCP_JSON: '{}' };
    expect(run([], { MANIFOLD_MCP_CONFIG: 'env.json' })).toMatchObject({ mcpConfig: ['env.json'], files: [] });
    expect(run(['a'], env)).toMatchObject({ files: ['a'], mcpConfig: [], mcpJson: [] });
    expect(run(['--mcp-json', '{"x":1}'], env)).toMatchObject({ mcpConfig: [], mcpJson: ['{"x":1}'] });
    expect(run([], env)).toMatchObject({ mcpConfig: ['env.json'], mcpJson: ['{}'] });
    expect(run(['a', 'b', '--mcp-json', '{}', '--mcp-json', '[]', '--mcp-config', 'c'])).toMatchObject({
      files: ['a', 'b'],
      mcpConfig: ['c'],
      mcpJson: ['{}', '[]'],
    });
    expect(faultOf(['run'])).toBe(
      'run needs FILE, --mcp-config FILE, --mcp-json TEXT or --kubernetes | Try: manifold run --help',
    );
  });

  test('refuses values out of bounds, and accepts those at the bounds', () => {
    for (const [flag, good, bad] of [
      ['--port', ['0', '65535'], ['65536', '-1', '1e3', '', 'x', '0x10']],
      ['--admin-port', ['0', '65535', 'off'], ['65536', 'on']],
      ['--workers', ['1', '64'], ['0', '65', '1.5']],
      ['--session-max-age', ['5m', '300s', '30d'], ['299s', '31d', '24', '1w', '-5m']],
      ['--init-timeout', ['100ms', '5m'], ['99ms', '301s', '5']],
      ['--drain-timeout', ['0s', '10m'], ['601s']],
      ['--drain-delay', ['0s', '10m'], ['601s', '1']],
      ['--sessions', ['optional', 'required'], ['none', '']],
      ['--log-level', ['trace', 'silent'], ['verbose']],
      ['--names', ['always', 'conflict', 'never'], ['sometimes', '']],
      ['--name-separator', ['_', '--', '.', 'aZ0_.-__'], ['', '/', ' ', 'aZ0_.-___', 'ä']],
      ['--name-max', ['32', '128'], ['31', '129']],
      ['--long-names', ['warn', 'shorten'], ['cut']],
      ['--names-charset', ['models', 'any'], ['ascii', '']],
      [
        '--public-url',
        ['https://a/mcp', 'http://localhost:1/'],
        ['a/mcp', 'ftp://a', 'https://u@a/', 'https://a/?x=1', 'https://a/#'],
      ],
      ['--allowed-hosts', ['a', 'a:1', '[::1]'], ['https://a', 'a/b', 'a b', '*']],
      ['--peer-address', ['10.0.0.7', 'a:1', '[::1]:0', 'fd00::7'], ['0.0.0.0', '[::]:1066', '::', 'a/b']],
      ['--allowed-origins', ['https://a', 'http://a:1'], ['a', 'https://a/b', 'null', '*']],
    ] as const) {
      for (const value of good)
        expect([flag, value, faultOf(['run', 'a', `${flag}=${value}`])]).toEqual([flag, value, '']);
      for (const value of bad)
        expect([flag, value, faultOf(['run', 'a', `${flag}=${value}`])]).not.toEqual([flag, value, '']);
    }
  });

  test('says what would be right', () => {
    expect(faultOf(['run', 'a', '--init-timeout', '5'])).toBe(
      '--init-timeout must be a time from 100ms to 5m, written like 500ms, 5s, 2m or 24h | Try: manifold run --help',
    );
    expect(faultOf(['run', 'a', '--session-max-age', '1m'])).toContain('from 5m to 30d');
    expect(faultOf(['run', 'a', '--workers', '0'])).toContain('--workers must be a whole number from 1 to 64');
    expect(faultOf(['run', 'a', '--log-level', 'x'])).toContain(
      '--log-level must be one of: trace, debug, info, warn, error, fatal, silent',
    );
  });
});

describe('flags', () => {
  test('that are unknown are refused with the nearest known one, and without their value', () => {
    expect(faultOf(['run', 'a', '--prot', '1'])).toBe(
      'there is no flag --prot; did you mean --port? | Try: manifold run --help',
    );
    expect(faultOf(['run', 'a', '--session-secret=hunter2'])).toBe(
      'there is no flag --session-secret | Try: manifold run --help',
    );
    expect(faultOf(['run', 'a', '-x'])).toBe('there is no flag -x | Try: manifold run --help');
    expect(faultOf(['check', 'a', '--json'])).toBe('there is no flag --json | Try: manifold check --help');
  });

  test('that need a value do not swallow the next flag', () => {
    expect(faultOf(['run', '--mcp-config', '--port', '1'])).toBe(
      '--mcp-config needs a value: --mcp-config FILE | Try: manifold run --help',
    );
    expect(faultOf(['run', 'a', '--host'])).toBe('--host needs a value: --host ADDRESS | Try: manifold run --help');
    expect(faultOf(['tools', '--json=yes'])).toBe('--json takes no value | Try: manifold tools --help');
  });

  test('end at "--"', () => {
    expect(run(['--', '--odd.json']).files).toEqual(['--odd.json']);
  });
});

describe('the other commands', () => {
  test('check takes files', () => {
    const plain = { kind: 'check', files: ['a', 'b'], mcpConfig: [], mcpJson: [], output: 'table', diff: false };
    expect(parseCommand(['check', 'a', 'b'], { MANIFOLD_MCP_CONFIG: 'x' })).toEqual(plain);
    expect(parseCommand(['check', '--diff', '-o', 'json', 'a', 'b'], {})).toEqual({
      ...plain,
      output: 'json',
      diff: true,
    });
    expect(faultOf(['check', '--diff', 'a'])).toBe(
      'check --diff needs two files: OLD NEW | Try: manifold check --help',
    );
    expect(faultOf(['check'])).toBe('check needs at least one file | Try: manifold check --help');
  });

  test('export takes one file', () => {
    expect(parseCommand(['export', 'a', '--gateway', 'gw'], {})).toEqual({
      kind: 'export',
      file: 'a',
      namespace: 'default',
      gateway: 'gw',
    });
    expect(faultOf(['export'])).toBe('export needs the mcpServers file | Try: manifold export --help');
    expect(faultOf(['export', 'a', '--format', 'x'])).toBe(
      '--format must be one of: mcproute | Try: manifold export --help',
    );
  });

  test('keygen takes a file to write', () => {
    expect(parseCommand(['keygen'], {})).toEqual({ kind: 'keygen', out: undefined });
    expect(parseCommand(['keygen', '-o', 'k.json'], {})).toEqual({ kind: 'keygen', out: 'k.json' });
    expect(parseCommand(['keygen'], { MANIFOLD_OUT: 'k.json' })).toEqual({ kind: 'keygen', out: undefined });
    expect(faultOf(['keygen', 'k.json'])).toBe('keygen takes no argument | Try: manifold keygen --help');
  });

  test('tools takes a URL and headers, in which variables are replaced', () => {
    expect(parseCommand(['tools'], {})).toEqual({
      kind: 'tools',
      options: { url: 'http://localhost:1975/mcp', headers: [], json: false },
    });
    expect(
      parseCommand(
        ['tools', 'https://a/mcp', '--json', '-H', 'Authorization: Bearer ${T}', '--header', 'X-A:b, c: d'],
        {
          T: 's3cret',
        },
      ),
    ).toEqual({
      kind: 'tools',
      options: {
        url: 'https://a/mcp',
        headers: [
          ['Authorization', 'Bearer s3cret'],
          ['X-A', 'b, c: d'],
        ],
        json: true,
      },
    });
    expect(faultOf(['tools', '-H', 'Authorization: ${T}'])).toBe(
      '--header: the environment variable T is not set | Try: manifold tools --help',
    );
    for (const header of ['X', ': x', 'a b: c']) {
      expect(faultOf(['tools', '-H', header])).toBe(
        "--header is written as 'NAME: VALUE' | Try: manifold tools --help",
      );
    }
    expect(faultOf(['tools', 'localhost:1975'])).toBe(
      'the URL must begin with http:// or https://, such as http://localhost:1975/mcp | Try: manifold tools --help',
    );
    expect(faultOf(['tools', 'http://a', 'http://b'])).toBe('tools takes one argument | Try: manifold tools --help');
  });

  test('token inspect takes a token and what sealed it', () => {
    expect(parseCommand(['token', 'inspect', '-', '--session-keys', 'k', '--gateway-name', 'g'], {})).toEqual({
      kind: 'token-inspect',
      token: '-',
      options: {
        sessionKeys: 'k',
        sessionSecret: undefined,
        sessionKdf: 'scrypt',
        gatewayName: 'g',
        resource: undefined,
      },
    });
    expect(faultOf(['token', 'inspect', 'abc'])).toBe(
      'token inspect needs --session-keys FILE or MANIFOLD_SESSION_SECRET | Try: manifold token inspect --help',
    );
    expect(faultOf(['token', 'inspect'])).toContain('token inspect needs the token');
    expect(faultOf(['token', 'mint'])).toBe('"token" is followed by "inspect" | Try: manifold token inspect --help');
  });

  test('--kubernetes stands in place of files, and its flags go with it', () => {
    expect(run(['--kubernetes'])).toMatchObject({
      files: [],
      kubernetes: { namespaces: undefined, selector: undefined, gatewayClass: undefined },
    });
    expect(
      run(['--kubernetes', '--namespace', 'a,b', '--selector', 'team=x', '--gateway-class', 'manifold']),
    ).toMatchObject({ kubernetes: { namespaces: ['a', 'b'], selector: 'team=x', gatewayClass: 'manifold' } });
    expect(run(['--kubernetes', '--namespace', '*'])).toMatchObject({ kubernetes: { namespaces: 'all' } });
    expect(run(['servers.json'])).toMatchObject({ kubernetes: undefined });
    expect(faultOf(['run', '--kubernetes', 'servers.json'])).toContain('--kubernetes is given in place of files');
    expect(faultOf(['run', 'servers.json', '--namespace', 'a'])).toContain('--namespace goes with --kubernetes');
    expect(faultOf(['run', '--kubernetes', '--namespace', 'A/b'])).toContain('--namespace takes names of namespaces');
  });

  test('the version', () => {
    for (const flag of ['--version', '-V']) expect(parseCommand([flag], {})).toEqual({ kind: 'version' });
  });

  test('a command that does not exist is refused with the nearest one', () => {
    expect(faultOf(['rnu'])).toBe('there is no command "rnu"; did you mean "run"? | Try: manifold --help');
    expect(faultOf(['start'])).toBe('there is no command "start" | Try: manifold --help');
    expect(faultOf(['constructor'])).toBe('there is no command "constructor" | Try: manifold --help');
    expect(faultOf(['mcp.json'])).toBe('a command comes first, such as: manifold run FILE | Try: manifold --help');
    expect(faultOf(['--mcp-json={"k":"hunter2"}'])).toBe(
      'a command comes before --mcp-json, such as: manifold run --mcp-json … | Try: manifold --help',
    );
  });
});
