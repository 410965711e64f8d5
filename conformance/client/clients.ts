/** The SDK's client of each era, as far as the client scenarios need it, with every capability that a gateway can pass on. */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
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

/** Connects in the era of `revision`. */
export function connect(url: string, revision: string, elicited: Elicited = () => ({})): Promise<SuiteClient> {
  return revision === '2026-07-28' ? connectModern(url, revision, elicited) : connectSession(url, elicited);
}

async function connectModern(url: string, revision: string, elicited: Elicited): Promise<SuiteClient> {
  const client = new ModernClient(who, { capabilities, versionNegotiation: { mode: { pin: revision } } });
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: await elicited() }));
  await client.connect(new ModernTransport(new URL(url)));
  return Object.assign(client, { listToolsAsSent: () => client.request({ method: 'tools/list' }) });
}

async function connectSession(url: string, elicited: Elicited): Promise<SuiteClient> {
  const client = new SessionClient(who, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: await elicited() }));
  await client.connect(new SessionTransport(new URL(url)));
  return Object.assign(client, {
    listToolsAsSent: () => client.request({ method: 'tools/list' }, ListToolsResultSchema),
  });
}
