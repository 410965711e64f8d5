/** The `mcpServers` files of Claude, Cursor and VS Code, as people have them. */
import { describe, expect, test } from 'vitest';
import { readMcpServers } from '../../../src/config/mcp-servers/read.ts';
import type { Config, UpstreamConfig } from '../../../src/config/model.ts';
import { ConfigError } from '../../../src/config/model.ts';
import { defaultNaming } from '../../../src/config/naming.ts';

const env = { TOKEN: 's3cret', HOME: '/home/ada' };

function read(document: unknown): Config {
  return readMcpServers(typeof document === 'string' ? document : JSON.stringify(document), 'mcp.json', env);
}

/** The only upstream of a file with one server called `a`. */
function one(server: unknown): UpstreamConfig {
  const upstreams = read({ mcpServers: { a: server } }).routes[0]?.upstreams ?? [];
  expect(upstreams).toHaveLength(1);
  return upstreams[0]!;
}

function warningsOf(server: unknown): readonly string[] {
  return read({ mcpServers: { a: server } }).warnings;
}

/** Faults as `path: problem`. */
function faultsOf(document: unknown): readonly string[] {
  try {
    read(document);
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
  return [];
}

function faultsOfServer(server: unknown): readonly string[] {
  return faultsOf({ mcpServers: { a: server } });
}

const url = 'https://example.com/mcp';

describe('a server that is reached by URL', () => {
  test('needs nothing but its URL', () => {
    expect(read({ mcpServers: { docs: { url } } })).toEqual({
      routes: [
        {
          name: 'default',
          naming: defaultNaming,
          path: '/mcp',
          upstreams: [
            {
              name: 'docs',
              id: 'docs',
              naming: defaultNaming,
              scheme: 'docs',
              transport: { kind: 'http', url: 'https://example.com/mcp', headers: [] },
              tools: { include: undefined, exclude: new Set() },
              timeoutMs: 300_000,
              era: 'auto',
              onSessionLoss: 'reinitialize',
              forwardHeaders: [],
            },
          ],
        },
      ],
      warnings: [],
    });
  });

  test('has its transport under every name that clients write', () => {
    for (const [type, kind] of [
      ['http', 'http'],
      ['streamable-http', 'http'],
      ['streamableHttp', 'http'],
      ['streamable_http', 'http'],
      ['HTTP', 'http'],
      ['sse', 'sse'],
    ] as const) {
      expect([type, one({ type, url }).transport.kind]).toEqual([type, kind]);
      expect([type, one({ transport: type, url }).transport.kind]).toEqual([type, kind]);
      expect([type, one({ transportType: type, url }).transport.kind]).toEqual([type, kind]);
    }
  });

  test('keeps the query of its URL', () => {
    expect(one({ url: 'https://example.com/mcp?tenant=7&x=%20y' }).transport).toMatchObject({
      url: 'https://example.com/mcp?tenant=7&x=%20y',
    });
  });

  test('may call its URL serverUrl or httpUrl, but not have two', () => {
    expect(one({ serverUrl: url }).transport).toMatchObject({ url });
    expect(one({ httpUrl: url }).transport).toMatchObject({ url });
    expect(faultsOfServer({ serverUrl: 'x' })).toEqual(['mcpServers.a.serverUrl: not a web address']);
    expect(faultsOfServer({ url, serverUrl: url })).toEqual(['mcpServers.a.serverUrl: "url" says the same']);
  });

  test('is refused with a URL that cannot be one', () => {
    for (const [bad, problem] of [
      ['example.com/mcp', 'not a web address'],
      ['', 'not a web address'],
      ['ftp://example.com', 'not a web address'],
      ['file:///etc/passwd', 'not a web address'],
      ['https://', 'not a web address'],
      ['https://ada:pw@example.com/', 'credentials in the URL'],
      ['https://ada@example.com/', 'credentials in the URL'],
      ['https://example.com/#top', 'a fragment, which is never sent'],
      ['https://example.com/#', 'a fragment, which is never sent'],
    ] as const) {
      expect([bad, faultsOfServer({ url: bad })]).toEqual([bad, [`mcpServers.a.url: ${problem}`]]);
    }
  });

  test('is warned of when it looks like the deprecated transport and says nothing', () => {
    expect(warningsOf({ url: 'https://example.com/sse' })).toEqual([
      'mcpServers.a.url: may be an endpoint of the deprecated transport; both are tried. If it is one, add "type": "sse"',
    ]);
    expect(warningsOf({ type: 'http', url: 'https://example.com/sse' })).toEqual([]);
    expect(warningsOf({ type: 'sse', url: 'https://example.com/sse' })).toEqual([]);
  });
});

describe('headers', () => {
  test('are all kept, in order, with variables replaced', () => {
    const headers = { Authorization: 'Bearer ${TOKEN}', 'X-Api-Key': 'k', Host: 'inner', 'User-Agent': ' me ' };
    expect(one({ url, headers }).transport).toMatchObject({
      headers: [
        ['Authorization', 'Bearer s3cret'],
        ['X-Api-Key', 'k'],
        ['Host', 'inner'],
        ['User-Agent', 'me'],
      ],
    });
  });

  test('of the hop itself are left out with a warning (protocol: every hop builds its own)', () => {
    const headers = {
      Accept: '*/*',
      'content-type': 'text/plain',
      'Mcp-Session-Id': 'x',
      'Mcp-Param-Q': 'x',
      'X-A': 'b',
    };
    expect(one({ url, headers }).transport).toMatchObject({ headers: [['X-A', 'b']] });
    expect(warningsOf({ url, headers })).toEqual([
      'mcpServers.a.headers.Accept: left out: the gateway sets this header itself',
      'mcpServers.a.headers.content-type: left out: the gateway sets this header itself',
      'mcpServers.a.headers.Mcp-Session-Id: left out: the gateway sets this header itself',
      'mcpServers.a.headers.Mcp-Param-Q: left out: the gateway sets this header itself',
    ]);
  });

  test('that HTTP does not allow are faults that show neither name nor value (RFC 9110 §5)', () => {
    const headers = { 'X-Fine': 'x', 'Authorization: Bearer abc': '', 'X-Split': 'a\r\nX-Evil: b', 'X-Wide': '→' };
    expect(faultsOfServer({ url, headers })).toEqual([
      'mcpServers.a.headers: header 2 has a name that HTTP does not allow',
      'mcpServers.a.headers.X-Split: the value holds a character that HTTP does not allow',
      'mcpServers.a.headers.X-Wide: the value holds a character that HTTP does not allow',
    ]);
  });

  test('a line break that comes with a variable is caught as well', () => {
    expect(() =>
      readMcpServers(JSON.stringify({ mcpServers: { a: { url, headers: { 'X-A': '${V}' } } } }), 'f', { V: 'a\nb' }),
    ).toThrow('mcpServers.a.headers.X-A: the value holds a character that HTTP does not allow');
  });

  test('that differ in case alone are one header twice', () => {
    expect(faultsOfServer({ url, headers: { 'X-A': '1', 'x-a': '2' } })).toEqual([
      'mcpServers.a.headers.x-a: the header stands here twice',
    ]);
  });
});

describe('headers of the client', () => {
  test('are passed on by lower-case name, once each', () => {
    expect(one({ url, forwardHeaders: ['X-Tenant', 'x-tenant', 'traceparent'] }).forwardHeaders).toEqual([
      'x-tenant',
      'traceparent',
    ]);
  });

  test('that are credentials pass only when that is acknowledged, and then with a warning (a token MUST NOT be passed through)', () => {
    for (const name of ['Authorization', 'Cookie']) {
      const server = { url, forwardHeaders: [name] };
      const lower = name.toLowerCase();
      expect(faultsOfServer(server)).toEqual([
        `mcpServers.a.forwardHeaders[0]: ${lower} would hand the client's credential for this gateway to the server, which MCP forbids`,
      ]);
      expect(faultsOfServer({ ...server, acknowledgeTokenPassthrough: false })).toHaveLength(1);
      const acknowledged = { ...server, acknowledgeTokenPassthrough: true };
      expect(one(acknowledged).forwardHeaders).toEqual([lower]);
      expect(warningsOf(acknowledged)).toEqual([
        `mcpServers.a.forwardHeaders[0]: ${lower} of the client is passed through to this server, as acknowledged`,
      ]);
    }
  });

  test('that are for this hop alone are refused, acknowledged or not (RFC 9110 §7.2, §7.6.1, §11.7)', () => {
    for (const name of [
      'Host',
      'Connection',
      'Keep-Alive',
      'Proxy-Connection',
      'Proxy-Authorization',
      'Proxy-Authenticate',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Upgrade',
      'HTTP2-Settings',
    ]) {
      expect(faultsOfServer({ url, forwardHeaders: [name], acknowledgeTokenPassthrough: true })).toEqual([
        `mcpServers.a.forwardHeaders[0]: ${name.toLowerCase()} belongs to one hop and is never passed on`,
      ]);
    }
  });

  test('that belong to the hop, are fixed already, or are no names are refused', () => {
    expect(
      faultsOfServer({
        url,
        headers: { 'X-A': 'b' },
        forwardHeaders: ['Mcp-Session-Id', 'content-length', 'x-a', '*\n', ''],
      }),
    ).toEqual([
      'mcpServers.a.forwardHeaders[0]: mcp-session-id belongs to one hop and is never passed on',
      'mcpServers.a.forwardHeaders[1]: content-length belongs to one hop and is never passed on',
      'mcpServers.a.forwardHeaders[2]: x-a is also fixed in "headers"',
      'mcpServers.a.forwardHeaders[3]: not the name of a header',
      'mcpServers.a.forwardHeaders[4]: not the name of a header',
    ]);
  });
});

describe('a server that is a program', () => {
  test('has command, arguments, variables and directory, with variables replaced', () => {
    expect(
      one({
        command: 'npx',
        args: ['-y', '${TOKEN}', ''],
        env: { KEY: '${TOKEN}', PORT: 3000, GONE: null },
        cwd: '${HOME}/x',
      }).transport,
    ).toEqual({
      kind: 'stdio',
      command: 'npx',
      args: ['-y', 's3cret', ''],
      env: { KEY: 's3cret', PORT: '3000' },
      cwd: '/home/ada/x',
    });
  });

  test('needs nothing but its command', () => {
    for (const server of [{ command: 'x' }, { type: 'stdio', command: 'x' }, { type: 'local', command: 'x' }]) {
      expect(one(server).transport).toEqual({ kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined });
    }
  });

  test('is refused without a command, or with variables that cannot be', () => {
    expect(faultsOfServer({ type: 'stdio', url })).toContain('mcpServers.a: a server of type stdio without "command"');
    expect(faultsOfServer({ command: ' ' })).toEqual(['mcpServers.a.command: empty']);
    expect(faultsOfServer({ command: 'x', env: { 'A=secret': '', '': 'x', OK: 'a\0b' } })).toEqual([
      'mcpServers.a.env: variable 1 has a name that no variable can have',
      'mcpServers.a.env: variable 2 has a name that no variable can have',
      'mcpServers.a.env.OK: a NUL character',
    ]);
  });

  test('is warned of when its arguments stand in the command', () => {
    expect(warningsOf({ command: 'npx -y thing' })).toEqual([
      'mcpServers.a.command: holds a space and is the name of one program; what follows it belongs into "args"',
    ]);
    expect(warningsOf({ command: '/Applications/My App/run' })).toEqual([]);
  });

  test('has no use for headers, and a person is told', () => {
    expect(warningsOf({ command: 'x', headers: {}, forwardHeaders: ['x-a'] })).toEqual([
      'mcpServers.a.headers: passed over: the server is reached by stdio',
      'mcpServers.a.forwardHeaders: passed over: the server is reached by stdio',
    ]);
  });
});

describe('the transport of a server', () => {
  test('must be one, and one only', () => {
    expect(faultsOfServer({})).toEqual(['mcpServers.a: neither a "url" nor a "command"']);
    expect(faultsOfServer({ url, command: 'x' })).toEqual([
      'mcpServers.a: both a "url" and a "command", and no "type"',
    ]);
    expect(faultsOfServer({ type: 'ws', url })).toEqual(['mcpServers.a.type: not a transport that is known here']);
    expect(faultsOfServer({ type: 'http' })).toEqual(['mcpServers.a: a server of type http without "url"']);
    expect(faultsOfServer({ type: 'sse', command: 'x' })).toEqual(['mcpServers.a: a server of type sse without "url"']);
  });
});

describe('tools', () => {
  test('are chosen by exact name, under every key that clients have for it', () => {
    for (const key of ['tools', 'includeTools', 'enabledTools']) {
      expect(one({ url, [key]: ['read', 'a/b'] }).tools).toEqual({
        include: new Set(['read', 'a/b']),
        exclude: new Set(),
      });
    }
    for (const key of ['excludeTools', 'disabledTools']) {
      expect(one({ url, [key]: ['rm'] }).tools).toEqual({ include: undefined, exclude: new Set(['rm']) });
    }
    expect(faultsOfServer({ url, tools: ['a'], includeTools: ['b'] })).toEqual([
      'mcpServers.a.includeTools: "tools" says the same',
    ]);
  });

  test('are all meant by ["*"], and no other pattern is read', () => {
    expect(one({ url, tools: ['*'] }).tools.include).toBeUndefined();
    expect(faultsOfServer({ url, tools: ['get_*', ''], excludeTools: ['x', '*'] })).toEqual([
      'mcpServers.a.tools[0]: a pattern; names are compared exactly',
      'mcpServers.a.tools[1]: empty',
      'mcpServers.a.excludeTools[1]: a pattern; names are compared exactly',
    ]);
  });

  test('an empty list and a name with the prefix of the gateway are warned of', () => {
    expect(warningsOf({ url, tools: [] })).toEqual(['mcpServers.a.tools: an empty list shows no tool at all']);
    expect(one({ url, tools: [] }).tools.include).toEqual(new Set());
    expect(warningsOf({ url, tools: ['a__read'] })).toEqual([
      'mcpServers.a.tools[0]: begins with the prefix "a__", which this gateway adds; give the name as the server has it',
    ]);
  });
});

describe('a timeout', () => {
  test('is in milliseconds, up to a day, and below 1000 in seconds, as Cline and Kilo Code write it', () => {
    for (const [timeout, ms] of [
      [0.1, 100],
      [1.5, 1_500],
      [60, 60_000],
      [999, 999_000],
      [1_000, 1_000],
      [1_000.5, 1_001],
      [60_000, 60_000],
      [86_400_000, 86_400_000],
    ] as const) {
      expect([timeout, one({ url, timeout }).timeoutMs]).toEqual([timeout, ms]);
    }
    for (const timeout of [0, 0.09, -1, 86_400_001]) {
      expect([timeout, faultsOfServer({ url, timeout })]).toEqual([
        timeout,
        ['mcpServers.a.timeout: a timeout outside of 100 ms to 86400000 ms'],
      ]);
    }
  });

  test('is noted where it is in seconds, and where it may have been meant so', () => {
    expect(warningsOf({ url, timeout: 300 })).toEqual([
      'mcpServers.a.timeout: 300 is taken for seconds, as Cline and Kilo Code write them; say 300000 for milliseconds',
    ]);
    for (const timeout of [1_000, 3_600]) {
      expect(warningsOf({ url, timeout })).toEqual([
        `mcpServers.a.timeout: ${timeout} milliseconds; if seconds were meant, write ${timeout}000`,
      ]);
    }
    expect(warningsOf({ url, timeout: 3_601 })).toEqual([]);
  });
});

describe('a session that an upstream has lost', () => {
  test('is begun anew unless an error is asked for', () => {
    expect(one({ url, onSessionLoss: 'error' }).onSessionLoss).toBe('error');
    expect(one({ url, onSessionLoss: 'reinitialize' }).onSessionLoss).toBe('reinitialize');
    expect(faultsOfServer({ url, onSessionLoss: 'ignore' })).toEqual([
      'mcpServers.a.onSessionLoss: not a word that is known here',
    ]);
  });
});

describe('a disabled server', () => {
  test('is left out, whatever else is wrong with it', () => {
    const document = {
      mcpServers: {
        off: { disabled: true, url: '${NONE}' },
        off2: { enabled: false, url: 7 },
        on: { url, disabled: false, enabled: true },
      },
    };
    expect(read(document).routes[0]?.upstreams.map(({ id }) => id)).toEqual(['on']);
    expect(read(document).warnings).toEqual([]);
  });

  test('must be so by true or false', () => {
    expect(faultsOfServer({ url, disabled: 'yes', enabled: 1 })).toEqual([
      'mcpServers.a.disabled: a string is not accepted here',
      'mcpServers.a.enabled: a number is not accepted here',
    ]);
  });
});

describe('keys that are not obeyed', () => {
  test('are passed over in silence when they concern clients alone', () => {
    expect(
      warningsOf({
        url,
        alwaysAllow: ['x'],
        autoApprove: [],
        description: 'd',
        gallery: true,
        version: '1',
        trust: true,
      }),
    ).toEqual([]);
  });

  test('are warned of when they are unknown or mean something elsewhere', () => {
    expect(warningsOf({ url, exculdeTools: [], colour: 1, oauth: { clientSecret: 'abc' }, sandbox: {} })).toEqual([
      'mcpServers.a.exculdeTools: unknown, passed over; did you mean "excludeTools"?',
      'mcpServers.a.colour: unknown, passed over',
      'mcpServers.a.oauth: the gateway does not log in by itself; give the credential in "headers"',
      'mcpServers.a.sandbox: the program is not put into a sandbox here',
    ]);
  });

  test('beside the servers are named in one warning', () => {
    expect(read({ $schema: 's', inputs: [], hooks: {}, mcpServers: { a: { url } } }).warnings).toEqual([
      '(root): passed over beside "mcpServers": "hooks"',
    ]);
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`k${i}`, 1]));
    expect(read({ mcpServers: { a: { url } }, ...many }).warnings).toEqual([
      '(root): passed over beside "mcpServers": "k0", "k1", "k2", "k3", "k4" and 2 more',
    ]);
  });
});

describe('where the servers stand', () => {
  test('is mcpServers, servers, or mcp.servers', () => {
    for (const document of [
      { mcpServers: { a: { url } } },
      { servers: { a: { url } } },
      { mcp: { servers: { a: { url } } }, 'editor.fontSize': 12 },
    ]) {
      expect(read(document).routes[0]?.upstreams.map(({ id }) => id)).toEqual(['a']);
    }
  });

  test('is one place only', () => {
    expect(faultsOf({ mcpServers: { a: { url } }, servers: {} })).toEqual([
      'servers: servers stand under "mcpServers" as well',
    ]);
  });

  test('is said when it is missing or holds something else', () => {
    expect(faultsOf({})).toEqual(['(root): neither "mcpServers" nor "servers"']);
    expect(faultsOf([])).toEqual(['(root): a list is not accepted here']);
    expect(faultsOf('null')).toEqual(['(root): null is not accepted here']);
    expect(faultsOf({ mcpServers: [] })).toEqual(['mcpServers: a list is not accepted here']);
    expect(faultsOf({ mcpServers: { 'my a': 'x' } })).toEqual(['mcpServers["my a"]: a string is not accepted here']);
    expect(() => read({ a: { url } })).toThrow('Wrap the servers: {"mcpServers": {…}}');
  });

  test('must hold a server that is not disabled', () => {
    expect(faultsOf({ mcpServers: {} })).toEqual(['mcpServers: no server']);
    expect(faultsOf({ servers: { a: { disabled: true } } })).toEqual(['servers: every server is disabled']);
  });
});

describe('the text', () => {
  test('may hold comments and trailing commas', () => {
    expect(read(`// mine\n{"mcpServers":{"a":{"url":"${url}",},},}`).routes[0]?.upstreams).toHaveLength(1);
  });

  test('that is not JSON is told with line and column, and never quoted', () => {
    expect(() => read('{\n "mcpServers": {"a": {"headers": {"X": "s3cret" "Y": 1}}}}')).toThrow(
      /^mcp\.json: 1 fault\n {2}line 2, column 49: "," or "}" is expected\. The text must be JSON; comments and trailing commas are allowed$/,
    );
  });

  test('may not name a server twice, nor anything else', () => {
    expect(faultsOf(`{"mcpServers":{"a":{"url":"${url}","url":"x"},"a":{"url":"${url}"}}}`)).toEqual([
      'mcpServers.a.url: the name stands twice in its object',
      'mcpServers.a: the name stands twice in its object',
    ]);
  });

  test('is read up to 4 MiB', () => {
    const text = JSON.stringify({ mcpServers: { a: { url } } });
    expect(() => read(text.padEnd(4_194_304))).not.toThrow();
    expect(faultsOf(text.padEnd(4_194_305))).toEqual(['(root): longer than 4194304 characters']);
  });
});

function servers(count: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, { url }]));
}

describe('several servers', () => {
  test('keep the order of the file, also when their names are numbers', () => {
    const text = `{"mcpServers":{"b":{"url":"${url}"},"10":{"url":"${url}"},"2":{"url":"${url}"},"__proto__":{"url":"${url}"}}}`;
    expect(read(text).routes[0]?.upstreams.map(({ name }) => name)).toEqual(['b', '10', '2', '__proto__']);
  });

  test('must differ in what clients see of them', () => {
    expect(faultsOf({ mcpServers: { 'my x': { url }, 'my-x': { url } } })).toEqual([
      'mcpServers.my-x: its tools would begin with "my-x__", as those of "my x" do',
    ]);
    expect(faultsOf({ mcpServers: { Docs: { url }, docs: { url } } })).toEqual([
      'mcpServers.docs: its resources would begin with "docs+", as those of "Docs" do',
    ]);
    expect(faultsOf({ mcpServers: { '': { url } } })).toEqual(['mcpServers[""]: the name is empty']);
  });

  test('are told when their prefix is not their name', () => {
    expect(read({ mcpServers: { 'My Server (prod)': { url } } }).warnings).toEqual([
      'mcpServers["My Server (prod)"]: its tools begin with "My-Server-prod__"',
    ]);
  });

  test('are at most 128, those that are disabled not counted', () => {
    expect(read({ mcpServers: { ...servers(128), off: { disabled: true } } }).routes[0]?.upstreams).toHaveLength(128);
    expect(faultsOf({ mcpServers: servers(129) })).toEqual(['mcpServers: 129 servers, more than 128']);
  });
});

test('values of the wrong kind are faults, each with its path and what would be right', () => {
  expect(() => read({ mcpServers: { a: { url, headers: { 'X-A': 7 }, timeout: '30s', tools: 'all' } } })).toThrow(
    [
      'mcp.json: 3 faults',
      '  mcpServers.a.headers.X-A: a number is not accepted here. Give an object of strings, such as {"Authorization": "Bearer ${TOKEN}"}',
      '  mcpServers.a.tools: a string is not accepted here. Give a list of tool names',
      '  mcpServers.a.timeout: a string is not accepted here. Give milliseconds, such as 60000',
    ].join('\n'),
  );
  expect(faultsOfServer({ command: ['x'] })).toEqual(['mcpServers.a.command: a list is not accepted here']);
  expect(faultsOfServer({ command: 'x', args: ['a', 1], env: { A: true, B: [] }, cwd: {} })).toEqual([
    'mcpServers.a.args[1]: a number is not accepted here',
    'mcpServers.a.env.A: true or false is not accepted here',
    'mcpServers.a.env.B: a list is not accepted here',
    'mcpServers.a.cwd: an object is not accepted here',
  ]);
  expect(faultsOfServer({ url: 5, headers: { 'Bearer secret': 1 } })).toEqual([
    'mcpServers.a.url: a number is not accepted here',
    'mcpServers.a.headers: a number is not accepted here',
  ]);
});

test('the faults of all servers come at once', () => {
  expect(
    faultsOf({
      mcpServers: {
        a: { url: 'x', timeout: -5, headers: { A: 3, B: '${NONE}' } },
        b: { command: 'x', args: ['${input:k}', '${fileDirname}'] },
        'a ': { url },
        c: 1,
      },
    }),
  ).toEqual([
    'mcpServers.a.headers.A: a number is not accepted here',
    'mcpServers.a.headers.B: the environment variable NONE is not set',
    'mcpServers.a.url: not a web address',
    'mcpServers.a.timeout: a timeout outside of 100 ms to 86400000 ms',
    'mcpServers.b.args[0]: an ${input:k} is asked of a person by the editor; a gateway has nobody to ask',
    'mcpServers.b.args[1]: a variable that only an editor can fill in',
    'mcpServers["a "]: its tools would begin with "a__", as those of "a" do',
    'mcpServers.c: a number is not accepted here',
  ]);
});

test('the configuration cannot be changed', () => {
  const config = read({ mcpServers: { a: { url } } });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.routes[0]?.upstreams)).toBe(true);
  expect(Object.isFrozen(config.routes[0]?.upstreams[0])).toBe(true);
});
