/**
 * What a client has to do in each scenario for the suite's server to see what it judges. Names are found by their end, as a
 * gateway puts a prefix before them.
 */
import type { Login, SuiteClient } from './clients.ts';
import { connect } from './clients.ts';

interface Dealing {
  readonly url: string;
  readonly revision: string;
  /** JSON that the suite gives to some scenarios. */
  readonly context: string;
  /** Does what a careful client would not, so that the gateway must be the careful one. */
  readonly isNaive: boolean;
}

type Deal = (dealing: Dealing) => Promise<void>;

const dealings: Readonly<Record<string, Deal>> = {
  initialize: async ({ url, revision }) => {
    await (await connect(url, revision)).listTools();
  },
  tools_call: async ({ url, revision }) => {
    const client = await connect(url, revision);
    await client.callTool({ name: await toolOf(client, 'add_numbers'), arguments: { a: 5, b: 3 } });
  },
  'sse-retry': async ({ url, revision }) => {
    const client = await connect(url, revision);
    await client.callTool({ name: await toolOf(client, 'test_reconnection') });
  },
  'elicitation-sep1034-client-defaults': async ({ url, revision }) => {
    const client = await connect(url, revision);
    await client.callTool({ name: await toolOf(client, 'test_client_elicitation_defaults') });
  },
  'auth/client-credentials-basic': loggedIn,
  'auth/client-credentials-jwt': loggedIn,
  'request-metadata': metadata,
  'http-standard-headers': standardHeaders,
  'http-custom-headers': async ({ url, revision, context }) => {
    const client = await connect(url, revision);
    const { toolCalls } = JSON.parse(context) as {
      toolCalls: { name: string; arguments: Record<string, unknown> }[];
    };
    for (const { name, arguments: args } of toolCalls)
      await client.callTool({ name: await toolOf(client, name), arguments: args });
  },
  'http-invalid-tool-headers': invalidHeaders,
  'sep-2322-client-request-state': rounds,
  'json-schema-ref-no-deref': async ({ url, revision }) => {
    await (await connect(url, revision)).listTools();
  },
  'json-schema-2020-12-preservation': async ({ url, revision }) => {
    const client = await connect(url, revision);
    const { tools } = await client.listTools();
    const schema = tools.find(({ name }) => name.endsWith('json_schema_2020_12_tool'))?.inputSchema;
    await client.callTool({ name: await toolOf(client, 'json_schema_echo'), arguments: { schema } });
  },
};

/** The client logs in as itself; or the gateway does, and its client knows nothing of it. */
async function loggedIn({ url, revision, context, isNaive }: Dealing): Promise<void> {
  const client = await connect(url, revision, undefined, isNaive ? undefined : (JSON.parse(context) as Login));
  await client.callTool({ name: await toolOf(client, 'test-tool') });
}

/** What to do in `scenario`. Throws for one that is not known. */
export function dealingsWith(scenario: string): Deal {
  const deal = Object.hasOwn(dealings, scenario) ? dealings[scenario] : undefined;
  if (deal === undefined) throw new Error(`no dealings with the scenario ${scenario}`);
  return deal;
}

/* The suite's server offers nothing, so the call is for a request with the client's own word in it to arrive there at all. */
async function metadata({ url, revision, isNaive }: Dealing): Promise<void> {
  const client = await connect(url, revision);
  await client.listTools();
  if (isNaive) await client.callTool({ name: 'suite__nothing' });
}

/* Each method that has a header once. */
async function standardHeaders({ url, revision }: Dealing): Promise<void> {
  const client = await connect(url, revision);
  await client.callTool({ name: await toolOf(client, 'test_headers') });
  const [resource] = (await client.listResources()).resources;
  const [prompt] = (await client.listPrompts()).prompts;
  if (resource === undefined || prompt === undefined) throw new Error('a list is empty');
  await client.readResource({ uri: resource.uri });
  await client.getPrompt({ name: prompt.name });
}

/* A tool that should not be in the list at all may fail to be called; the valid one may not. */
async function invalidHeaders({ url, revision, isNaive }: Dealing): Promise<void> {
  const client = await connect(url, revision);
  await client.callTool({ name: await toolOf(client, 'valid_tool'), arguments: { region: 'here' } });
  const { tools } = await (isNaive ? client.listToolsAsSent() : client.listTools());
  const args = { region: 'here', value: 'v', data: {}, items: ['i'], nil: null, score: 1, field1: '1', field2: '2' };
  for (const { name } of tools) await client.callTool({ name, arguments: args }).catch(() => {});
}

/* The unrelated tool is called while another call waits for its next round. */
async function rounds({ url, revision, isNaive }: Dealing): Promise<void> {
  const client: SuiteClient = await connect(url, revision, async () => {
    await client.callTool({ name: await toolOf(client, 'test_mrtr_unrelated') });
    return { confirmed: true };
  });
  for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state'])
    await client.callTool({ name: await toolOf(client, name) });
  const call = client.callTool({ name: await toolOf(client, 'test_mrtr_no_result_type') });
  // The SDK's client takes no result without a type, which is what the gateway then adds.
  await (isNaive ? call : call.catch(() => {}));
}

/** The listed name of a tool: its own, or with a prefix. Throws when there is none. */
async function toolOf(client: SuiteClient, name: string): Promise<string> {
  const { tools } = await client.listTools();
  const found = tools.find((tool) => tool.name === name || tool.name.endsWith(`__${name}`));
  if (found === undefined) throw new Error(`no tool ${name} among ${tools.map((tool) => tool.name).join(', ')}`);
  return found.name;
}
