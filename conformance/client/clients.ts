/** The SDK's client of each era, as far as the client scenarios need it, with every capability that a gateway can pass on. */
import {
  Client as ModernClient,
  ClientCredentialsProvider as ModernSecret,
  PrivateKeyJwtProvider as ModernKey,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as SessionClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as SessionTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ListToolsResultSchema } from '@modelcontextprotocol/sdk/types.js';

interface ListedTool {
  readonly name: string;
  readonly inputSchema: object;
}

/** What both clients have in common. */
export interface SuiteClient {
  listTools(): Promise<{ tools: readonly ListedTool[] }>;
  /** As sent by the server: the SDK's `listTools` leaves out tools whose `x-mcp-header` breaks the rules. */
  listToolsAsSent(): Promise<{ tools: readonly ListedTool[] }>;
  callTool(params: { name: string; arguments?: Record<string, unknown> }): Promise<unknown>;
  listResources(): Promise<{ resources: readonly { uri: string }[] }>;
  readResource(params: { uri: string }): Promise<unknown>;
  listPrompts(): Promise<{ prompts: readonly { name: string }[] }>;
  getPrompt(params: { name: string }): Promise<unknown>;
}

/** Gives the content of an accepted elicitation. */
export type Elicited = () => Record<string, string | number | boolean> | Promise<Record<string, boolean>>;

const who = { name: 'conformance-driver', version: '1.0.0' };
/* `applyDefaults` has the SDK fill in what an accepted form leaves out (SEP-1034). */
const capabilities = { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} };

/** With what a client logs in as itself (SEP-1046), as the suite gives it. */
export interface Login {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
}

/** Connects in the era of `revision`; logs in when it has to and `login` is given. */
export function connect(
  url: string,
  revision: string,
  elicited: Elicited = () => ({}),
  login?: Login,
): Promise<SuiteClient> {
  return revision === '2026-07-28'
    ? connectModern(url, revision, elicited, login)
    : connectSession(url, elicited, login);
}

async function connectModern(
  url: string,
  revision: string,
  elicited: Elicited,
  login: Login | undefined,
): Promise<SuiteClient> {
  const client = new ModernClient(who, { capabilities, versionNegotiation: { mode: { pin: revision } } });
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: await elicited() }));
  const provided = login && (isSecret(login) ? new ModernSecret(secretOf(login)) : new ModernKey(keyOf(login)));
  await client.connect(new ModernTransport(new URL(url), { ...(provided && { authProvider: provided }) }));
  return Object.assign(client, { listToolsAsSent: () => client.request({ method: 'tools/list' }) });
}

async function connectSession(url: string, elicited: Elicited, login: Login | undefined): Promise<SuiteClient> {
  const client = new SessionClient(who, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: await elicited() }));
  const provided =
    login &&
    (isSecret(login) ? new ClientCredentialsProvider(secretOf(login)) : new PrivateKeyJwtProvider(keyOf(login)));
  await client.connect(new SessionTransport(new URL(url), { ...(provided && { authProvider: provided }) }));
  return Object.assign(client, {
    listToolsAsSent: () => client.request({ method: 'tools/list' }, ListToolsResultSchema),
  });
}

function isSecret({ client_secret: secret }: Login): boolean {
  return secret !== undefined;
}

function secretOf({ client_id: clientId, client_secret: clientSecret = '' }: Login) {
  return { clientId, clientSecret };
}

function keyOf({
  client_id: clientId,
  private_key_pem: privateKey = '',
  signing_algorithm: algorithm = 'ES256',
}: Login) {
  return { clientId, privateKey, algorithm };
}
