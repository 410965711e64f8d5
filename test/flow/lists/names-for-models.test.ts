/** Names that models refuse, through the real command: listed under aliases that any replica calls, or as they are on request. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { openSession } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';

const names = ['files.read', 'repo/open', 'with blank', '工具', 'plain_one-2'];

describe('--names-charset', async () => {
  const server = await startScripted((message, response) => {
    const { name } = message.params as { name?: string };
    const tools = names.map((each) => ({ name: each, inputSchema: { type: 'object' } }));
    const result =
      message.method === 'tools/list' ? { tools } : { content: [{ type: 'text', text: `called ${name}` }] };
    sayJson(response, resultOf(message, result));
  });
  const config = { mcpServers: { 'my.server': { url: server.url } } };

  test.each(['always', 'conflict', 'never'])(
    'models, the default, with --names %s: every name is one that models take, and every alias is callable on any replica',
    async (policy) => {
      const [first, second] = await Promise.all([
        startGateway({ config, args: ['--names', policy], admin: false }),
        startGateway({ config, args: ['--names', policy], admin: false }),
      ]);
      const { client } = await sdkClient(first.url);
      const { tools } = await client.listTools();
      expect(tools).toHaveLength(names.length);
      const other = await sdkClient(second.url);
      for (const [at, { name }] of tools.entries()) {
        expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        const { content } = await other.client.callTool({ name });
        expect(content).toEqual([{ type: 'text', text: `called ${names[at]}` }]);
      }
      if (policy !== 'always') expect(tools.at(-1)?.name).toBe('plain_one-2');
      for (const gateway of [first, second]) await gateway.kill();
    },
  );

  test('the names that clients were given before stay callable', async () => {
    const gateway = await startGateway({ config, admin: false });
    const session = await openSession(gateway.url);
    for (const name of ['my.server__files.read', 'my.server__plain_one-2', 'files.read']) {
      const { result } = await session.ask('tools/call', { name });
      expect(result?.['content']).toEqual([{ type: 'text', text: `called ${name.replace('my.server__', '')}` }]);
    }
    await gateway.kill();
  });

  test('any: names of the specification as they are, and no others', async () => {
    const gateway = await startGateway({ config, args: ['--names-charset', 'any'], admin: false });
    const { result } = await (await openSession(gateway.url)).ask('tools/list');
    expect((result!['tools'] as { name: string }[]).map(({ name }) => name)).toEqual([
      'my.server__files.read',
      'my.server__repo/open',
      'my.server__plain_one-2',
    ]);
    await gateway.kill();
  });
});
