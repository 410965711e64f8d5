/** With a single upstream, messages pass as they are: nothing has to be told apart. Through the real command. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { PlainSession } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const uri = 'file:///x';

/** It answers a read under the URI that it was asked for, and links to it from a call. */
const server = (): ReturnType<typeof startScripted> =>
  startScripted(
    (message, response) => {
      const asked = (message.params as { uri?: string } | undefined)?.uri;
      const results: Record<string, object> = {
        'resources/list': { resources: [{ uri, name: 'x' }] },
        'resources/templates/list': { resourceTemplates: [] },
        'resources/read': { contents: [{ uri: asked, text: 't' }] },
        'tools/list': {
          tools: [{ name: 'a', inputSchema: { type: 'object' }, execution: { taskSupport: 'forbidden' } }],
        },
      };
      const link = { content: [{ type: 'resource_link', uri, name: 'x' }] };
      sayJson(response, resultOf(message, results[message.method ?? ''] ?? link));
    },
    { capabilities: { tools: {}, resources: {} }, instructions: ' Use it well. ' },
  );

const urisOf = async (session: PlainSession): Promise<readonly unknown[]> => {
  const { result } = await session.ask('resources/list');
  return (result!['resources'] as { uri: string }[]).map((each) => each.uri);
};

const readAs = async (session: PlainSession, asked: string): Promise<unknown> => {
  const { result } = await session.ask('resources/read', { uri: asked });
  return (result!['contents'] as { uri: string }[])[0]?.uri;
};

describe('one upstream', () => {
  test('has its URIs, instructions and task support as they are; a prefixed URI is understood, and answered as asked', async () => {
    const { url } = await server();
    const gateway = await startGateway({ config: { mcpServers: { one: { url } } }, admin: false });
    const session = await openSession(gateway.url);
    expect(await urisOf(session)).toEqual([uri]);
    expect(await readAs(session, uri)).toBe(uri);
    expect(await readAs(session, `one+${uri}`)).toBe(`one+${uri}`);
    const { result } = await session.ask('tools/call', { name: 'one__a' });
    expect(result?.['content']).toEqual([{ type: 'resource_link', uri, name: 'x' }]);
    const tools = (await session.ask('tools/list')).result?.['tools'];
    expect(tools).toMatchObject([{ execution: { taskSupport: 'forbidden' } }]);
    expect(session.initialized['instructions']).toBe(' Use it well. ');
    await gateway.kill();
  });
});

describe('two upstreams', () => {
  test('always: URIs have their prefix; a bare one that one of them lists is answered as asked', async () => {
    const [one, two] = [
      await server(),
      await startScripted(
        (message, response) => sayJson(response, resultOf(message, { resources: [], resourceTemplates: [] })),
        { capabilities: { resources: {} } },
      ),
    ];
    const config = { mcpServers: { one: { url: one.url }, two: { url: two.url } } };
    const gateway = await startGateway({ config, admin: false });
    const session = await openSession(gateway.url);
    expect(await urisOf(session)).toEqual([`one+${uri}`]);
    expect(await readAs(session, uri)).toBe(uri);
    expect(await readAs(session, `one+${uri}`)).toBe(`one+${uri}`);
    await gateway.kill();
  });

  test('conflict: URIs that both list have their prefix; never: the first has it alone', async () => {
    const [one, two] = [await server(), await server()];
    const config = { mcpServers: { one: { url: one.url }, two: { url: two.url } } };
    for (const [policy, uris] of [
      ['conflict', [`one+${uri}`, `two+${uri}`]],
      ['never', [uri]],
    ] as const) {
      const gateway = await startGateway({ config, args: ['--names', policy], admin: false });
      const session = await openSession(gateway.url);
      expect(await urisOf(session)).toEqual(uris);
      expect(await readAs(session, `two+${uri}`)).toBe(`two+${uri}`);
      await gateway.kill();
    }
  });
});
