/**
 * The program of `npm run demo:oauth`: an authorization server, two MCP servers, the gateway in front of them with a protected
 * route, and a client that knows only the URL of the endpoint. It prints each step.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSocket, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gatewayClient, startAuthorizationServer } from './oauth-server.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const command = here('../dist/main.js');
if (!existsSync(command)) {
  process.stderr.write('The gateway is not built yet: run `npm run build` (or `npm ci`) first.\n');
  process.exit(1);
}

let steps = 0;
function step(title: string): void {
  steps += 1;
  console.log(`\n${steps}. ${title}`);
}
function say(text: string): void {
  console.log(`   ${text.length > 300 ? `${text.slice(0, 300)}…` : text}`);
}

/** Functions that end the child processes and the servers of this process, in start order. */
const closing: (() => unknown)[] = [];

/** A server with one tool, which shows whether it got a token that is issued for it. */
async function startWeather(): Promise<string> {
  const server = createServer((request, response) => void answerWeather(request).then((body) => response.end(body)));
  server.on('request', (_request, response) => response.setHeader('content-type', 'application/json'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

async function answerWeather(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  if (text === '') return '';
  const { id, method } = JSON.parse(text) as { id?: number | string; method: string };
  if (id === undefined) return '';
  const claims = claimsOf(request.headers.authorization?.slice('Bearer '.length));
  const results: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'weather', version: '1' },
    },
    'tools/list': { tools: [{ name: 'forecast', inputSchema: { type: 'object' } }] },
    'tools/call': {
      content: [
        {
          type: 'text',
          text: `Sunny. (I was called with a token of ${String(claims['client_id'])} for ${String(claims['aud'])}.)`,
        },
      ],
    },
  };
  const result = results[method];
  return JSON.stringify(
    result === undefined
      ? { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }
      : { jsonrpc: '2.0', id, result },
  );
}

async function startNotes(): Promise<string> {
  const notes = spawn(process.execPath, [here('notes-server.ts'), '--port', '0', '--until-stdin-ends'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  closing.push(() => notes.kill());
  const [url] = (await once(createInterface({ input: notes.stdout }), 'line')) as [string];
  return url;
}

async function freePort(): Promise<number> {
  const server = createSocket().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const target = (backend: string, ...tools: readonly string[]): object => ({
  tools: tools.map((tool) => ({ backend, tool })),
});

/** Starts `manifold run` and returns the URL of its endpoint. */
async function startGateway(issuer: string, notes: string, weather: string): Promise<string> {
  const port = await freePort();
  const resource = `http://127.0.0.1:${port}/mcp`;
  const policy = {
    oauth: { issuer, protectedResourceMetadata: { resource, resourceName: 'Demo', scopesSupported: ['notes:read'] } },
    authorization: {
      defaultAction: 'Deny',
      rules: [
        { source: { jwt: { scopes: ['notes:read'] } }, target: target('notes', 'search_notes') },
        { source: { jwt: { scopes: ['notes:read', 'notes:write'] } }, target: target('notes', 'add_note') },
        { source: { jwt: { claims: [{ name: 'sub', values: ['alice'] }] } }, target: target('weather', 'forecast') },
      ],
    },
  };
  const config = {
    mcpServers: { notes: { type: 'http', url: notes }, weather: { type: 'http', url: weather } },
    manifold: {
      backends: {
        weather: { grant: { clientCredentials: { issuer, ...gatewayClient, resource: weather, scopes: ['weather'] } } },
      },
      routes: { demo: { servers: ['notes', 'weather'], securityPolicy: policy } },
    },
  };
  const folder = mkdtempSync(join(tmpdir(), 'manifold-demo-'));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'mcp.json');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const gateway: ChildProcess = spawn(
    process.execPath,
    [command, 'run', file, '--port', String(port), '--admin-port', 'off', '--drain-delay', '0s', '--log-level', 'warn'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  closing.push(() => gateway.kill());
  await Promise.race([
    once(createInterface({ input: gateway.stdout! }), 'line'),
    once(gateway, 'exit').then(() => Promise.reject(new Error('the gateway did not start'))),
  ]);
  return resource;
}

function claimsOf(token: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(Buffer.from(token!.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A parameter of a challenge. */
function parameterOf(challenge: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '';
}

/** What the client has learned. */
interface Knowledge {
  readonly endpoint: string;
  readonly server: { readonly [name: string]: string };
  readonly clientId: string;
  readonly redirectUri: string;
}

/** Logs in like the browser of a user: follows redirects until they lead back to the client (RFC 6749 §4.1, RFC 7636). */
async function logIn({ endpoint, server, clientId, redirectUri }: Knowledge, scope: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const cookies = new Map<string, string>();
  let url = `${server['authorization_endpoint']}?${new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    resource: endpoint,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()}`;
  while (!url.startsWith(redirectUri)) {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]!.split(/=(.*)/s, 2);
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`no way on from ${url}: ${answer.status} ${await answer.text()}`);
    url = new URL(location, url).href;
  }
  const code = new URL(url).searchParams.get('code');
  if (code === null) throw new Error(`no code: ${url}`);
  const answer = await fetch(server['token_endpoint']!, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: verifier,
      resource: endpoint,
    }),
  });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error('the server gave no token');
  return token;
}

/** A minimal MCP client. */
function sessionAt(endpoint: string) {
  let session: string | undefined;
  let asked = 0;
  return async (token: string | undefined, method: string, params: object = {}) => {
    asked += 1;
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: asked, method, params }),
    });
    session = answer.headers.get('mcp-session-id') ?? session;
    const text = await answer.text();
    const json = text.startsWith('{') ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}');
    return {
      status: answer.status,
      challenge: answer.headers.get('www-authenticate') ?? '',
      said: JSON.parse(json) as { readonly result?: Readonly<Record<string, unknown>>; readonly error?: object },
    };
  };
}

const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'demo', version: '1' } };

async function demo(): Promise<void> {
  step('An authorization server, two MCP servers and the gateway start');
  const as = await startAuthorizationServer();
  closing.push(() => as.close());
  const [notes, weather] = [await startNotes(), await startWeather()];
  const endpoint = await startGateway(as.issuer, notes, weather);
  say(`authorization server ${as.issuer}; notes ${notes}; weather ${weather}`);
  say(`the client knows ${endpoint} and nothing else`);
  const ask = sessionAt(endpoint);

  step('The client calls without credentials and is told where to read on');
  const refused = await ask(undefined, 'initialize', hello);
  say(`${refused.status}; WWW-Authenticate: ${refused.challenge}`);

  step('It reads the metadata of the resource, then that of its authorization server');
  const resource = (await (await fetch(parameterOf(refused.challenge, 'resource_metadata'))).json()) as {
    readonly authorization_servers: readonly string[];
  };
  say(JSON.stringify(resource));
  const server = (await (
    await fetch(`${resource.authorization_servers[0]}/.well-known/openid-configuration`)
  ).json()) as Record<string, string>;
  say(`login at ${server['authorization_endpoint']}, registration at ${server['registration_endpoint']}`);

  step('It registers itself (RFC 7591)');
  const redirectUri = 'http://127.0.0.1:1/callback';
  const registered = (await (
    await fetch(server['registration_endpoint']!, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        application_type: 'native',
      }),
    })
  ).json()) as { readonly client_id: string };
  const knowledge = { endpoint, server, clientId: registered.client_id, redirectUri };
  say(`as ${registered.client_id}`);

  step('The user logs in and agrees (authorization code with PKCE), for the scopes of the challenge');
  let token = await logIn(knowledge, parameterOf(refused.challenge, 'scope'));
  const { sub, aud, scope } = claimsOf(token);
  say(`a token of ${String(sub)} for ${String(aud)} with "${String(scope)}"`);

  step('With the token the session begins, and the list holds what the caller may call');
  say(`initialize: ${(await ask(token, 'initialize', hello)).status}`);
  const namesOf = async (): Promise<string> => {
    const { said } = await ask(token, 'tools/list');
    const tools = (said.result?.['tools'] ?? []) as readonly { name: string }[];
    return tools.map(({ name }) => name).join(', ');
  };
  say(await namesOf());

  step('A tool that no rule gives this caller looks like one that is not there');
  say(JSON.stringify((await ask(token, 'tools/call', { name: 'notes__delete_note', arguments: { id: '1' } })).said));

  step('A tool that needs more scopes is refused with all of them');
  const note = { name: 'notes__add_note', arguments: { title: 'Demo', text: 'written by the walk-through' } };
  const denied = await ask(token, 'tools/call', note);
  say(`${denied.status}; WWW-Authenticate: ${denied.challenge}`);

  step('The client logs in again for these, and the same session goes on');
  token = await logIn(knowledge, parameterOf(denied.challenge, 'scope'));
  say(await namesOf());
  const written = await ask(token, 'tools/call', note);
  say(`${written.status}: ${JSON.stringify(written.said.result?.['content'])}`);

  step('An upstream that wants a token of its own gets one of the gateway, never that of the client');
  const forecast = await ask(token, 'tools/call', { name: 'weather__forecast' });
  say(JSON.stringify(forecast.said.result?.['content']));
  const isGood =
    refused.status === 401 && denied.status === 403 && written.status === 200 && forecast.said.result !== undefined;
  console.log(isGood ? '\nAll of it went as it should.' : '\nSomething went wrong.');
  if (!isGood) process.exitCode = 1;
}

try {
  await demo();
} finally {
  for (const close of closing.toReversed()) await close();
}
