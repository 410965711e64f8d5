/** `manifold export`: what comes out is read back as the same servers, and what cannot be carried is told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decide } from '../../src/aggregate/selectors.ts';
import { exportRoutes } from '../../src/cli/export.ts';
import { readConfig } from '../../src/config/read.ts';
import { recordingIo } from './recording-io.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifold-export-'));
});
afterAll(() => rm(directory, { recursive: true }));

const env = { TOKEN: 'hunter2', KEY: 'hunter3' };

async function exported(config: unknown): Promise<{ code: number; out: string; err: string }> {
  const path = join(directory, 'mcp.json');
  await writeFile(path, JSON.stringify(config));
  const io = recordingIo(env);
  const code = await exportRoutes({ file: path, namespace: 'team', gateway: 'gw' }, io);
  return { code, out: io.said().out, err: io.said().err.replaceAll(`${path}: `, '') };
}

test('a file comes back as it was', async () => {
  const file = {
    mcpServers: {
      github: {
        url: 'https://api.example.com/mcp/x',
        headers: { Authorization: 'Bearer ${TOKEN}' },
        includeTools: ['read', '${literal'],
        excludeTools: ['write'],
        timeout: 61_500,
        onSessionLoss: 'error',
        forwardHeaders: ['X-Tenant', 'Cookie'],
        acknowledgeTokenPassthrough: true,
      },
      local: { url: 'http://127.0.0.1:3000/mcp', headers: { 'X-Key': '${KEY}' } },
      none: { url: 'http://none.example.com/mcp', includeTools: [] },
    },
    manifold: {
      backends: {
        github: {
          timeouts: { connect: '2s', call: '200s' },
          retries: { attempts: 2 },
          breaker: { failures: 3 },
          resourceSelector: { includeRegex: ['^file:'] },
          tools: { read: { rename: 'get', arguments: { v: { preset: [1], hidden: true } } } },
        },
      },
      routes: {
        main: { servers: ['github', 'local', 'none'] },
        team: {
          path: '/team',
          hostnames: ['mcp.example.com'],
          headers: [{ name: 'x-team', value: 'a.*', type: 'RegularExpression' }],
          servers: ['local'],
          securityPolicy: {
            oauth: {
              issuer: 'https://auth.example.com',
              jwks: { remoteJWKS: { uri: 'https://auth.example.com/keys' } },
              protectedResourceMetadata: { resource: 'https://mcp.example.com/team', scopesSupported: ['s'] },
              claimToHeaders: [{ claim: 'sub', header: 'x-sub' }],
            },
            authorization: {
              rules: [
                {
                  source: { jwt: { scopes: ['s'] } },
                  target: { tools: [{ backend: 'local', tool: 't' }] },
                  cel: 'true',
                },
              ],
            },
          },
        },
      },
    },
  };
  const { code, out, err } = await exported(file);
  expect({ code, err }).toEqual({
    code: 0,
    err: 'note: "manifold run" fills in the variables of the Secrets; for a cluster, put in their values\n',
  });
  expect(out).not.toContain('hunter');
  const [before, after] = [readConfig(JSON.stringify(file), 'f', env), readConfig(out, 'f', env)];
  expect(after.routes.map(({ name, namespace }) => [name, namespace])).toEqual([
    ['main', 'team'],
    ['team', 'team'],
  ]);
  for (const [i, route] of before.routes.entries()) {
    const { name: _name, namespace: _namespace, ports: _ports, upstreams, ...rest } = after.routes[i]!;
    const { name: _old, upstreams: olds, ...oldRest } = route;
    expect(rest).toEqual(oldRest);
    for (const [k, { credential: _credential, ...upstream }] of upstreams.entries()) {
      const { transport, tools, ...old } = olds[k]!;
      const isSecure = transport.kind === 'http' && transport.url.startsWith('https:');
      expect(upstream).toMatchObject({ ...old, transport });
      expect(upstream.transport).toEqual({ ...transport, ...(isSecure && { tls: { serverName: 'api.example.com' } }) });
      if (tools.include?.size === 0) expect(upstream.tools).toMatchObject({ excludePatterns: ['.*'] });
      else if (tools.include?.has('read') === true)
        expect(upstream.tools).toEqual({ ...tools, include: new Set(['read', '${literal']) });
      else expect(upstream.tools).toEqual(tools);
    }
  }
});

test('what an MCPRoute cannot say is told, by server', async () => {
  const { code, out, err } = await exported({
    mcpServers: {
      files: { command: 'files-server' },
      old: { type: 'sse', url: 'http://a.example.com/sse' },
      basic: { url: 'https://b.example.com/mcp', headers: { Authorization: 'Basic ${TOKEN}', 'X-A': 'a', 'X-B': 'b' } },
      My_Server: { url: 'https://c.example.com/mcp?key=${KEY}' },
    },
  });
  expect(code).toBe(0);
  expect(err.split('\n')).toEqual([
    'not carried: server files: it is a program of this machine; a cluster needs it as a server with a URL',
    'not carried: server old: it speaks the deprecated HTTP+SSE transport, which an MCPRoute cannot say',
    'not carried: server basic: its Authorization header is no Bearer token, which is all that an MCPRoute sends',
    'not carried: server basic: its header X-B: an MCPRoute sends one header to a backend',
    'not carried: server My_Server: its tools begin with "my-server" in place of "My_Server"',
    'note: "manifold run" fills in the variables of the Secrets; for a cluster, put in their values',
    '',
  ]);
  const upstreams = readConfig(out, 'f', env).routes[0]?.upstreams;
  expect(upstreams?.map(({ id, transport }) => [id, transport.kind === 'http' && transport.url])).toEqual([
    ['basic', 'https://b.example.com/mcp'],
    ['my-server', 'https://c.example.com/mcp?key=hunter3'],
  ]);
});

test('tokens for servers and the settings of security are carried, and no secret stands in an annotation', async () => {
  const client = { issuer: 'https://auth.example.com', clientId: 'gateway' };
  const file = {
    mcpServers: Object.fromEntries(
      ['own', 'exchanged', 'signed', 'asked'].map((name) => [name, { url: `http://${name}.example.com/mcp` }]),
    ),
    manifold: {
      backends: {
        own: {
          public: true,
          grant: {
            clientCredentials: { ...client, clientSecret: '${TOKEN}', scopes: ['a'], egress: { allowPrivate: true } },
          },
        },
        exchanged: {
          grant: { tokenExchange: { ...client, clientSecret: 'literal', method: 'client_secret_post', audience: 'x' } },
        },
        signed: { grant: { clientCredentials: { ...client, privateKey: '${KEY}', algorithm: 'RS256', keyId: 'k' } } },
        asked: { grant: { userConsent: { issuer: 'https://auth.example.com' } } },
      },
      routes: {
        main: {
          servers: ['own', 'exchanged', 'signed', 'asked'],
          securityPolicy: {
            oauth: {
              issuer: 'https://auth.example.com',
              protectedResourceMetadata: { resource: 'https://mcp.example.com/mcp' },
            },
            authorization: { rules: [{ cel: 'true' }] },
          },
          security: {
            oauth: {
              audienceClaims: ['aud', 'client'],
              maxTokenAge: '36h',
              impliedScopes: { admin: ['read'] },
              introspection: { clientId: 'gateway', clientSecret: '${TOKEN}', always: true },
              issuers: [
                {
                  issuer: 'https://other.example.com',
                  jwksUri: 'https://other.example.com/keys',
                  introspection: { clientId: 'g2', clientSecret: '${KEY}' },
                },
              ],
              relayServerMetadata: true,
              isDefault: true,
            },
            authorization: { kinds: ['tool'], celErrorAction: 'noMatch' },
            revocation: {
              notBefore: '2026-01-31T12:00:00Z',
              principals: [{ issuer: 'apikey', subject: 'bob' }],
              tokens: ['t1'],
            },
            egress: { allowLoopback: true },
          },
        },
      },
    },
  };
  const { code, out, err } = await exported(file);
  expect(code).toBe(0);
  expect(err).not.toContain('not carried');
  expect(out).not.toMatch(/hunter[23]/);
  const annotations = out.split('\n---\n').filter((one) => one.includes('kind: MCPRoute'));
  expect(annotations.join()).not.toMatch(/literal|TOKEN|KEY\}/);
  const [before, after] = [readConfig(JSON.stringify(file), 'f', env), readConfig(out, 'f', env)];
  expect(after.routes[0]?.security).toEqual(before.routes[0]?.security);
  expect(after.routes[0]?.upstreams.map(({ grant, isPublic }) => [grant, isPublic])).toEqual(
    before.routes[0]?.upstreams.map(({ grant, isPublic }) => [grant, isPublic]),
  );
});

test('variables of secrets need no value; those of anything else do', async () => {
  const grant = {
    clientCredentials: { issuer: 'https://a.example.com', clientId: 'c', clientSecret: '${UNSET_SECRET}' },
  };
  const good = {
    mcpServers: {
      a: { url: 'https://a.example.com/mcp', headers: { Authorization: 'Bearer ${UNSET_TOKEN}' } },
      q: { url: 'https://q.example.com/mcp?key=${UNSET_KEY}' },
    },
    manifold: { backends: { a: { grant } } },
  };
  const carried = await exported(good);
  expect(carried.code).toBe(0);
  expect(carried.out).toContain('apiKey: ${UNSET_TOKEN}');
  expect(carried.out).toContain('client-secret: ${UNSET_SECRET}');
  expect(carried.out).toContain('apiKey: ${UNSET_KEY}');
  expect(carried.out).not.toContain('unset');
  const url = 'https://${UNSET_TOKEN}.example.com/mcp';
  const refused = await exported({ mcpServers: { ...good.mcpServers, b: { url } } });
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('UNSET_TOKEN is not set') });
});

test('a file that is YAML already is told from a broken one', async () => {
  const io = recordingIo();
  const path = join(directory, 'route.yaml');
  await writeFile(path, 'apiVersion: v1\nkind: Secret\n');
  expect(await exportRoutes({ file: path, namespace: 'n', gateway: 'g' }, io)).toBe(1);
  expect(io.said().err).toContain('YAML, not an mcpServers file');
});

test('a route whose protection cannot be carried is left out as a whole', async () => {
  const servers = { a: { url: 'http://a.example.com/mcp' } };
  const extAuth = { http: { backendRefs: [{ name: 'check', port: 80 }] } };
  const routes = { open: { servers: ['a'] }, closed: { path: '/closed', servers: ['a'], securityPolicy: { extAuth } } };
  const { code, out, err } = await exported({ mcpServers: servers, manifold: { routes } });
  expect(code).toBe(0);
  expect(err).toContain('not carried: route closed: the whole route, as apiKeyAuth and extAuth need objects');
  expect(readConfig(out, 'f', env).routes.map(({ name }) => name)).toEqual(['open']);
});

test('a file of which nothing can be carried gives 1', async () => {
  const { code, out } = await exported({ mcpServers: { files: { command: 'x' } } });
  expect({ code, out }).toEqual({ code: 1, out: '' });
});

test('a key in the query stays the variable that it is in the file, and no value of a variable is in a path', async () => {
  const { out, err } = await exported({
    mcpServers: {
      one: { url: 'https://one.example.com/mcp?key=${KEY}' },
      two: { url: 'https://two.example.com/mcp?key=${KEY}&x=1', headers: { Authorization: 'Bearer ${TOKEN}' } },
    },
  });
  expect(out).toContain('apiKey: ${KEY}');
  expect(out).toContain('queryParam: key');
  expect(out).not.toMatch(/hunter[23]/);
  expect(err).toContain('not carried: server two: the query of its URL, which holds a variable');
});

test('more names of tools than an MCPRoute takes become patterns that mean the same', async () => {
  const many = Array.from({ length: 70 }, (_, n) => `a.b-${n}`);
  const { out, err } = await exported({ mcpServers: { s: { url: 'https://s.example.com/mcp', includeTools: many } } });
  expect(err).toContain('its 70 names of tools become patterns');
  const [upstream] = readConfig(out, 'out.yaml', {}).routes[0]!.upstreams;
  const shown = [...many, 'a.b-70', 'axb-1', 'a.b-1x'].filter((name) => decide(upstream!, 'tool', name));
  expect(shown).toEqual(many);
});
