/** A client of the session era in front of an upstream that speaks 2026-07-28 alone, both real (docs/adr/0006-both-eras.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import type { ConnectedClient } from '../../support/sdk-client.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { startStatelessServer } from '../../support/stateless-server.ts';

let gateway: GatewayProcess;
let connected: ConnectedClient;
let session: PlainSession;

beforeAll(async () => {
  const [everything, other] = [await startEverything('modern'), await startStatelessServer({ name: 'other' })];
  gateway = await startGateway({
    config: { mcpServers: { every: { url: everything }, other: { url: other.url } } },
    admin: false,
  });
  connected = await sdkClient(gateway.url);
  session = await openSession(gateway.url);
});

const said = (text: string): object[] => [{ type: 'text', text }];

describe('what a client of 2025-11-25 gets from an upstream of 2026-07-28', () => {
  test('the handshake offers what the upstream has, and its instructions', () => {
    const { client } = connected;
    expect(client.getServerCapabilities()).toMatchObject({
      tools: { listChanged: true },
      prompts: {},
      completions: {},
    });
    expect(client.getInstructions()).toContain('Serves the official conformance suite.');
  });

  test('its tools, by the prefix and by a bare name that is unique', async () => {
    const { client } = connected;
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain('every__test_simple_text');
    for (const name of ['every__test_simple_text', 'test_simple_text'])
      expect((await client.callTool({ name })).content).toEqual(said('This is a simple text response for testing.'));
  });

  test('an error in a result, and the error of an unknown tool', async () => {
    const { client } = connected;
    expect((await client.callTool({ name: 'every__test_error_handling' })).isError).toBe(true);
    await expect(client.callTool({ name: 'every__nothing' })).rejects.toMatchObject({ code: -32602 });
  });

  test('prompts and completions of their arguments', async () => {
    const { client } = connected;
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toContain('every__test_prompt_with_arguments');
    const { messages } = await client.getPrompt({
      name: 'every__test_prompt_with_arguments',
      arguments: { arg1: 'x', arg2: 'y' },
    });
    expect(messages[0]?.content).toEqual({ type: 'text', text: "Prompt with arguments: arg1='x', arg2='y'" });
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'every__test_prompt_with_arguments' },
      argument: { name: 'arg1', value: 'test' },
    });
    expect(completion.values).toEqual(['test', 'testing']);
  });

  test('resources under URIs of the gateway, templates too', async () => {
    const { client } = connected;
    const uri = 'every+test://static-text';
    expect((await client.listResources()).resources.map((resource) => resource.uri)).toContain(uri);
    expect((await client.readResource({ uri })).contents).toEqual([
      { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
    ]);
    const expanded = 'every+test://template/7/data';
    expect((await client.readResource({ uri: expanded })).contents[0]?.uri).toBe(expanded);
  });

  test('a resource that is not there is -32002, which 2026-07-28 has no more', async () => {
    const { error } = await session.ask('resources/read', { uri: 'every+test://nowhere' });
    expect(error?.code).toBe(-32002);
  });

  test('progress under its own token, before the answer', async () => {
    const seen: number[] = [];
    const { content } = await connected.client.callTool({ name: 'every__test_tool_with_progress' }, undefined, {
      onprogress: ({ progress }) => void seen.push(progress),
    });
    expect(seen).toEqual([0, 50, 100]);
    expect(content).toEqual(said('Tool with progress executed successfully.'));
  });

  test('nothing that only 2026-07-28 has: no resultType, no cache hints, no keys of its envelope', async () => {
    for (const [method, params] of [
      ['tools/list', {}],
      ['tools/call', { name: 'every__test_simple_text' }],
      ['resources/read', { uri: 'every+test://static-text' }],
      ['prompts/get', { name: 'every__test_simple_prompt' }],
    ] as const) {
      const text = JSON.stringify((await session.ask(method, params)).result);
      expect(text).not.toMatch(/"resultType"|"ttlMs"|"cacheScope"|io\.modelcontextprotocol/);
    }
  });

  test('list_changed of the upstream, on the GET stream, without the name of a subscription', async () => {
    const stream = await listenTo(session);
    // The gateway subscribes while the stream is open already.
    await expect
      .poll(
        async () => {
          await session.ask('tools/call', { name: 'every__test_trigger_tool_change' });
          return stream.messages.map(({ method }) => method);
        },
        { timeout: 20_000 },
      )
      .toContain('notifications/tools/list_changed');
    expect(stream.text()).not.toContain('subscriptionId');
    stream.close();
  });

  test('-32603 in place of -32021, for it could not have declared anything to the upstream', async () => {
    const { error } = await session.ask('tools/call', { name: 'every__test_missing_capability' });
    expect(error).toEqual({ code: -32603, message: 'Upstream server refused the request' });
  });
});
