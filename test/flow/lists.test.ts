/** Lists through the real command: all pages of all upstreams, in one order, from a cache that knows when to ask again. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import type { PlainSession } from '../support/plain-client.ts';
import { listenTo, openSession } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const numbered = <T>(count: number, make: (at: string) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(String(at).padStart(4, '0')));

const lists = [
  ['tools/list', 'tools', 'name'],
  ['prompts/list', 'prompts', 'name'],
  ['resources/list', 'resources', 'uri'],
  ['resources/templates/list', 'resourceTemplates', 'uriTemplate'],
] as const;

interface Paged {
  readonly keys: string[];
  readonly cursors: string[];
}

/** Follows the cursors to the end, each page asked for at the next of `sessions`. */
async function all(sessions: readonly PlainSession[], list: (typeof lists)[number]): Promise<Paged> {
  const [method, member, key] = list;
  const keys: string[] = [];
  const cursors: string[] = [];
  for (let page = 0; ; page += 1) {
    const cursor = cursors.at(-1);
    const session = sessions[page % sessions.length]!;
    const { result } = await session.ask(method, cursor === undefined ? {} : { cursor });
    const items = result?.[member] as Record<string, string>[];
    keys.push(...items.map((item) => item[key]!));
    const next = result?.['nextCursor'];
    if (typeof next !== 'string') return { keys, cursors };
    cursors.push(next);
  }
}

const offer = (name: string, count: number, pageSize: number): Parameters<typeof startStatefulServer>[0] => ({
  name,
  pageSize,
  tools: numbered(count, (at) => ({ name: `t${at}` })),
  prompts: numbered(count, (at) => ({ name: `p${at}`, messages: [] })),
  resources: numbered(count, (at) => ({ uri: `memo://${at}`, name: at, text: at })),
  templates: numbered(count, (at) => ({ uriTemplate: `memo://${at}/{x}`, name: at, text: at })),
});

describe('more than fits on a page', async () => {
  const one = await startStatefulServer(offer('one', 1_150, 400));
  const two = await startStatelessServer({ ...offer('two', 70, 60), enableJsonResponse: true });
  const config = { mcpServers: { one: { url: one.url }, two: { url: two.url } } };
  const gateway = await startGateway({ config, admin: false });
  const session = await openSession(gateway.url);

  const expected: Record<string, string[]> = {
    'tools/list': ['one', 'two'].flatMap((id) => numbered(id === 'one' ? 1_150 : 70, (at) => `${id}__t${at}`)),
    'prompts/list': ['one', 'two'].flatMap((id) => numbered(id === 'one' ? 1_150 : 70, (at) => `${id}__p${at}`)),
    'resources/list': ['one', 'two'].flatMap((id) => numbered(id === 'one' ? 1_150 : 70, (at) => `${id}+memo://${at}`)),
    'resources/templates/list': ['one', 'two'].flatMap((id) =>
      numbered(id === 'one' ? 1_150 : 70, (at) => `${id}+memo://${at}/{x}`),
    ),
  };

  for (const list of lists) {
    test(`${list[0]}: every page of every upstream is reached, each item once, in the order of the configuration`, async () => {
      const { keys, cursors } = await all([session], list);
      expect(keys).toEqual(expected[list[0]]);
      expect(cursors.length).toBeGreaterThan(0);
      expect(cursors.join()).not.toMatch(/at-\d/);
    });
  }

  test('a cursor of another list, of another session, or changed by one character is -32602', async () => {
    const { cursors } = await all([session], lists[0]);
    const cursor = cursors[0]!;
    const other = await openSession(gateway.url);
    const changed = `${cursor.slice(0, -2)}${cursor.at(-2) === 'A' ? 'B' : 'A'}${cursor.at(-1)}`;
    for (const refused of [
      await session.ask('prompts/list', { cursor }),
      await other.ask('tools/list', { cursor }),
      await session.ask('tools/list', { cursor: changed }),
      await session.ask('tools/list', { cursor: 'at-400' }),
      await session.ask('tools/list', { cursor: '' }),
    ]) {
      expect(refused.error).toEqual({ code: -32602, message: 'Invalid cursor' });
    }
  });

  test('a list that has been asked for is not asked of the upstreams again', async () => {
    await all([session], lists[0]);
    const before = [one.requests.length, two.requests.length];
    await all([session], lists[0]);
    expect([one.requests.length, two.requests.length]).toEqual(before);
  });
});

const hasToggled = async (session: PlainSession): Promise<boolean> => {
  const { result } = await session.ask('tools/list');
  return (result!['tools'] as { name: string }[]).some(({ name }) => name === 'alpha__toggled');
};

describe('a list that changes', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });

  test('is asked for anew once the upstream has said so on the GET stream', async () => {
    const session = await openSession(gateway.url);
    const stream = await listenTo(session);
    expect(await hasToggled(session)).toBe(false);
    await expect.poll(() => alpha.requests.some(({ method }) => method === 'GET')).toBe(true);
    const told = stream.until(({ method }) => method === 'notifications/tools/list_changed');
    await session.ask('tools/call', { name: 'alpha__toggle' });
    await told;
    expect(await hasToggled(session)).toBe(true);
    stream.close();
    await session.ask('tools/call', { name: 'alpha__toggle' });
  });
});

test('what the configuration leaves out is neither listed nor callable, by any name', async () => {
  const alpha = await startStatefulServer({ name: 'alpha', tools: ['echo', 'big', 'counter'] });
  const gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url, includeTools: ['echo', 'big'], excludeTools: ['big'] } } },
    admin: false,
  });
  const session = await openSession(gateway.url);
  const { result } = await session.ask('tools/list');
  expect((result!['tools'] as { name: string }[]).map(({ name }) => name)).toEqual(['alpha__echo']);
  for (const name of ['alpha__big', 'big', 'alpha__counter', 'counter', 'alpha__none']) {
    expect((await session.ask('tools/call', { name })).error).toEqual({
      code: -32602,
      message: 'Unknown tool',
      data: { tool: name },
    });
  }
});

test('an upstream that fails is left out of a list, and is in it again when it is back', async () => {
  const [alpha, beta] = [await startStatefulServer({ name: 'alpha' }), await startStatefulServer({ name: 'beta' })];
  const gateway = await startGateway({
    config: { mcpServers: { alpha: { url: alpha.url }, beta: { url: beta.url } } },
    admin: false,
  });
  const session = await openSession(gateway.url);
  const owners = async (): Promise<string[]> => {
    const { result } = await session.ask('prompts/list');
    return (result!['prompts'] as { name: string }[]).map(({ name }) => name);
  };
  await beta.stop();
  // The gateway listed tools, prompts and resources once when it started; a session of its own asks again.
  const fresh = await openSession(gateway.url, { capabilities: { sampling: {} } });
  expect((await fresh.ask('prompts/list')).result?.['prompts']).toMatchObject([{ name: 'alpha__greet' }]);
  await beta.restart();
  expect(await owners()).toEqual(['alpha__greet', 'beta__greet']);
  expect((await fresh.ask('prompts/list')).result?.['prompts']).toMatchObject([
    { name: 'alpha__greet' },
    { name: 'beta__greet' },
  ]);
});
