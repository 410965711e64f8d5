/** Names as the operator wants them, through the real command (docs/configuration.md §Names). */
import { describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession, Rpc } from '../support/plain-client.ts';
import { openSession } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, startScripted } from '../support/scripted-upstream.ts';

/** A server that has these tools and, as prompts, the same; each says whose it is. */
function having(owner: string, ...names: readonly string[]): Promise<RawServer> {
  const items = names.map((name) => ({ name, inputSchema: { type: 'object' } }));
  return startScripted(
    (message, response) => {
      const { method } = message;
      const { name } = message.params as { name?: string };
      if (method === 'tools/list') sayJson(response, resultOf(message, { tools: items }));
      else if (method === 'prompts/list') sayJson(response, resultOf(message, { prompts: items }));
      else
        sayJson(response, resultOf(message, { content: [{ type: 'text', text: `${owner} ${name}` }], messages: [] }));
    },
    { capabilities: { tools: {}, prompts: {}, completions: {} } },
  );
}

async function inFront(servers: Record<string, RawServer>, ...args: readonly string[]): Promise<GatewayProcess> {
  const config = Object.fromEntries(Object.entries(servers).map(([name, { url }]) => [name, { url }]));
  return await startGateway({ config: { mcpServers: config }, args, admin: false });
}

async function listed(session: PlainSession, kind: 'tools' | 'prompts'): Promise<readonly string[]> {
  const { result } = await session.ask(`${kind}/list`);
  return ((result?.[kind] ?? []) as { name: string }[]).map(({ name }) => name);
}

function toolsOf(session: PlainSession): Promise<readonly string[]> {
  return listed(session, 'tools');
}

/** What a tool said, or the code of the error. */
async function call(session: PlainSession, name: string): Promise<unknown> {
  const { result, error }: Rpc = await session.ask('tools/call', { name });
  return error?.code ?? ((result?.['content'] ?? []) as { text: string }[])[0]?.text;
}

describe('--names conflict', () => {
  test('gives the names of one server bare, and both forms can be called', async () => {
    const gateway = await inFront({ one: await having('one', 'a') }, '--names', 'conflict');
    const session = await openSession(gateway.url);
    expect(await toolsOf(session)).toEqual(['a']);
    expect(await call(session, 'a')).toBe('one a');
    expect(await call(session, 'one__a')).toBe('one a');
    await gateway.kill();
  });

  test('gives a prefix to names that two servers have, and the bare name is then unknown', async () => {
    const servers = { one: await having('one', 'a', 'b'), two: await having('two', 'b') };
    const gateway = await inFront(servers, '--names', 'conflict', '--name-separator', '.');
    const session = await openSession(gateway.url);
    expect(await toolsOf(session)).toEqual(['a', 'one.b', 'two.b']);
    expect(await call(session, 'two.b')).toBe('two b');
    expect(await call(session, 'b')).toBe(-32602);
    expect(await listed(session, 'prompts')).toEqual(['a', 'one.b', 'two.b']);
    await gateway.kill();
  });
});

describe('--names never', () => {
  test('gives a name to the first server that has it, in lists and calls alike, and keeps it for that while it is down', async () => {
    const servers = { one: await having('one', 'a'), two: await having('two', 'a', 'b') };
    const gateway = await inFront(servers, '--names', 'never');
    const session = await openSession(gateway.url);
    expect(await toolsOf(session)).toEqual(['a', 'b']);
    expect([await call(session, 'a'), await call(session, 'b')]).toEqual(['one a', 'two b']);
    expect(await call(session, 'one__a')).toBe(-32602);
    await servers.one.stop();
    expect(await call(session, 'a')).toBe(-32603);
    expect(await call(session, 'b')).toBe('two b');
    await gateway.kill();
  });
});

describe('a bare name while a server is down', () => {
  test('goes on where it is another server that was seen without it, and not where that one had it', async () => {
    const servers = { one: await having('one', 'a', 'b'), two: await having('two', 'b') };
    const gateway = await inFront(servers);
    const session = await openSession(gateway.url);
    expect([await call(session, 'a'), await call(session, 'b')]).toEqual(['one a', -32602]);
    await servers.two.stop();
    expect([await call(session, 'a'), await call(session, 'b')]).toEqual(['one a', -32602]);
    await gateway.kill();
  });

  test('is not given away where the server that is down was never seen; the name with its prefix works', async () => {
    const servers = { one: await having('one', 'a'), two: await having('two', 'b') };
    await servers.two.stop();
    const gateway = await inFront(servers);
    const session = await openSession(gateway.url);
    expect([await call(session, 'a'), await call(session, 'one__a')]).toEqual([-32602, 'one a']);
    await gateway.kill();
  });
});

describe('--long-names shorten', () => {
  test('lists an alias that any replica calls, without having listed anything there', async () => {
    const long = `get_${'x'.repeat(100)}`;
    const servers = { one: await having('one', long, 'a'), two: await having('two', long) };
    const [first, second] = [
      await inFront(servers, '--long-names', 'shorten'),
      await inFront(servers, '--long-names', 'shorten'),
    ];
    const session = await openSession(first.url);
    const names = await toolsOf(session);
    expect(names.map((name) => name.length)).toEqual([64, 6, 64]);
    expect(names[0]).toMatch(/^one__get_x{42}_[0-9a-f]{12}$/);
    const other = await openSession(second.url);
    expect(await call(other, names[0]!)).toBe(`one ${long}`);
    expect(await call(other, names[2]!)).toBe(`two ${long}`);
    expect(await call(other, `one__${long}`)).toBe(`one ${long}`);
    for (const gateway of [first, second]) await gateway.kill();
  });

  test('is recommended in the log where a name is too long', async () => {
    const gateway = await inFront({ one: await having('one', 'x'.repeat(80)) });
    await toolsOf(await openSession(gateway.url));
    await gateway.kill();
    expect([...gateway.stdout, ...gateway.stderr].join('\n')).toContain('--long-names shorten');
  });
});
