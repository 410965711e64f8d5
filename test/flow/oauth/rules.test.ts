/** The announcement's example through the real command: rules with scopes, claims and CEL, alike for calls and for lists. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession, type Answer, type PlainSession, type Rpc } from '../../support/plain-client.ts';
import { askModern } from '../../support/modern-client.ts';
import { oauthOf, startProtected, type ProtectedGateway, type ProtectedRoute } from '../../support/protected.ts';
import { startStatefulServer, type StatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
let github: StatefulServer;
let jira: StatefulServer;
let gateway: ProtectedGateway;

const target = (...tools: readonly string[]): object => ({
  tools: tools.map((tool) => ({ backend: tool.split('/')[0], tool: tool.split('/')[1] })),
});

const route = (settings?: object): ProtectedRoute => ({
  backends: { github: { url: github.url }, jira: { url: jira.url } },
  securityPolicy: (resource) => ({
    oauth: oauthOf(as.issuer, resource),
    authorization: {
      defaultAction: 'Deny',
      rules: [
        { source: { jwt: { scopes: ['read'] } }, target: target('github/echo', 'github/counter') },
        { source: { jwt: { scopes: ['read', 'write'] } }, target: target('github/big') },
        {
          source: { jwt: { claims: [{ name: 'realm.roles', valueType: 'StringArray', values: ['admin'] }] } },
          target: target('jira/echo'),
          cel: 'request.mcp.params.arguments.project != "secret"',
        },
      ],
    },
  }),
  ...(settings === undefined ? {} : { settings }),
});

beforeAll(async () => {
  as = await authorizationServer();
  github = await startStatefulServer({ name: 'github', tools: ['echo', 'counter', 'big', 'log'] });
  jira = await startStatefulServer({ name: 'jira', tools: ['echo', 'fail'] });
  gateway = await startProtected(route());
});
afterAll(() => as.close());

interface Using {
  ask(method: string, params?: object): Promise<Rpc>;
  post(method: string, params?: object): Promise<Answer>;
}

async function using(claims: Readonly<Record<string, unknown>>, at = gateway): Promise<Using> {
  const now = Math.floor(Date.now() / 1_000);
  const token = await as.sign({ iss: as.issuer, sub: 'alice', aud: at.url, iat: now, exp: now + 600, ...claims });
  const own = ['Authorization', `Bearer ${token}`];
  const session: PlainSession = await openSession(at.url, { headers: own });
  return {
    ask: (method, params = {}) => session.ask(method, params, ...own),
    post: (method, params = {}) => session.post(JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }), ...own),
  };
}

async function toolsOf(caller: Using): Promise<readonly string[]> {
  const { result } = await caller.ask('tools/list');
  return (result!['tools'] as readonly { name: string }[]).map(({ name }) => name);
}

test('a list holds what its caller could call, and one cached list serves callers of different rights', async () => {
  const [reader, admin, nobody] = [
    await using({ scope: 'read' }),
    await using({ scope: 'read write', realm: { roles: ['admin', 'other'] } }),
    await using({}),
  ];
  const before = jira.requests.length;
  expect(await toolsOf(reader)).toEqual(['github__echo', 'github__counter']);
  expect(await toolsOf(admin)).toEqual(['github__echo', 'github__counter', 'github__big', 'jira__echo']);
  expect(await toolsOf(nobody)).toEqual([]);
  expect(jira.requests.length).toBeGreaterThan(before);
});

test('a call that lacks scopes gets all of them in one challenge', async () => {
  const reader = await using({ scope: 'read' });
  expect(await reader.ask('tools/call', { name: 'github__echo', arguments: { a: 1 } })).toHaveProperty('result');
  const answer = await reader.post('tools/call', { name: 'github__big' });
  expect(answer.status).toBe(403);
  expect(answer.headers['www-authenticate']).toBe(
    `Bearer error="insufficient_scope", scope="read write", resource_metadata="${gateway.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')}", error_description="The token is missing required scopes"`,
  );
  expect(JSON.parse(answer.body)).toEqual({ jsonrpc: '2.0', id: 7, error: { code: -32_003, message: 'Forbidden' } });
  expect(github.called).not.toContain('big');
});

test('denied and hidden look like what is not there', async () => {
  const reader = await using({ scope: 'read' });
  const told = async (name: string): Promise<unknown> => {
    const answer = await reader.post('tools/call', { name });
    return [answer.status, answer.body.replaceAll(name, 'X'), answer.headers['www-authenticate']];
  };
  const absent = await told('github__nothing');
  for (const name of ['github__log', 'jira__echo', 'jira__fail', 'jira__nothing'])
    expect(await told(name)).toEqual(absent);
  expect(jira.called).toEqual([]);
});

test('a condition on parameters decides the call: 403 without a challenge for what the list shows', async () => {
  const admin = await using({ scope: 'read', realm: { roles: ['admin'] } });
  const call = (project: string): Promise<Answer> =>
    admin.post('tools/call', { name: 'jira__echo', arguments: { project } });
  expect((await call('open')).status).toBe(200);
  const refused = await call('secret');
  expect([refused.status, refused.headers['www-authenticate']]).toEqual([403, undefined]);
});

test('prompts, resources, templates, completion and subscriptions are judged too', async () => {
  const reader = await using({ scope: 'read' });
  for (const [method, member] of [
    ['prompts/list', 'prompts'],
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
  ] as const)
    expect((await reader.ask(method)).result![member]).toEqual([]);
  for (const [method, params] of [
    ['prompts/get', { name: 'github__greet' }],
    ['resources/read', { uri: 'github+memo://today' }],
    ['resources/subscribe', { uri: 'github+memo://today' }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'github__greet' }, argument: { name: 'who', value: 'a' } },
    ],
  ] as const)
    expect(await reader.ask(method, params)).toHaveProperty('error');
});

test('rules of the settings name prompts, resources and templates; whatever is about these counts as they do', async () => {
  const source = { jwt: { scopes: ['read'] } };
  const of = (target: object): object => ({
    security: {
      authorization: {
        rules: [
          { source, target },
          { source: { jwt: { scopes: ['memos', 'more'] } }, target },
        ],
      },
    },
  });
  const named = await startProtected(
    route(
      of({
        prompts: [{ backend: 'github', prompt: 'greet' }],
        resources: [
          { backend: 'github', uri: 'memo://today' },
          { backend: 'github', uri: 'memo://days/{day}' },
        ],
      }),
    ),
  );
  const reader = await using({ scope: 'read' }, named);
  expect(JSON.stringify((await reader.ask('prompts/list')).result)).toContain('github__greet');
  expect(JSON.stringify((await reader.ask('prompts/list')).result)).not.toContain('jira__');
  expect(JSON.stringify((await reader.ask('resources/list')).result)).toContain('github+memo://today');
  expect(JSON.stringify((await reader.ask('resources/templates/list')).result)).toContain('github+memo://days/{day}');
  for (const [method, params] of aboutGithub) expect(await reader.ask(method, params)).toHaveProperty('result');
  for (const [method, params] of aboutGithub)
    expect(await reader.ask(method, JSON.parse(JSON.stringify(params).replaceAll('github', 'jira')))).toHaveProperty(
      'error',
    );
  // Without the scope all is denied, with a challenge that names it.
  const nobody = await using({}, named);
  const refused = await nobody.post('prompts/get', { name: 'github__greet' });
  expect([refused.status, refused.headers['www-authenticate']]).toEqual([
    403,
    expect.stringContaining('error="insufficient_scope", scope="read"'),
  ]);
});

/** One of each kind. */
const aboutGithub = [
  ['prompts/get', { name: 'github__greet' }],
  ['resources/read', { uri: 'github+memo://today' }],
  ['resources/read', { uri: 'github+memo://days/monday' }],
  ['resources/subscribe', { uri: 'github+memo://today' }],
  ['resources/unsubscribe', { uri: 'github+memo://today' }],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'github__greet' }, argument: { name: 'who', value: 'a' } },
  ],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'github+memo://days/{day}' }, argument: { name: 'day', value: 'm' } },
  ],
] as const;

test('clients of 2026-07-28 are judged alike', async () => {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: as.issuer, sub: 'm', aud: gateway.url, iat: now, exp: now + 600, scope: 'read' };
  const headers = { Authorization: `Bearer ${await as.sign(claims)}` };
  const { answer } = await askModern(gateway.url, 'tools/list', { headers });
  expect(answer.body).toContain('github__echo');
  expect(answer.body).not.toContain('github__big');
  expect(answer.body).toContain('"cacheScope":"private"');
  const refused = await askModern(gateway.url, 'tools/call', { headers, params: { name: 'github__big' } });
  expect([refused.status, refused.rpc.error?.code]).toEqual([403, -32_003]);
  expect(refused.answer.headers['www-authenticate']).toContain('scope="read write"');
});
