/** One bad item of one server, through the real command: the official clients of both eras list all that the others have. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import type { Script } from '../../support/scripted-upstream.ts';
import { sdkClient } from '../../support/sdk-client.ts';

const schema = { type: 'object' };
const bad: readonly unknown[] = [
  { name: 'bad' },
  { name: 'bad', inputSchema: null },
  { name: 'bad', inputSchema: {} },
  { name: 'bad', inputSchema: { type: 'string' } },
  { name: 'bad', inputSchema: { anyOf: [schema] } },
  { name: 'bad', inputSchema: { ...schema, properties: null } },
  { name: 'bad', inputSchema: { ...schema, required: null } },
  { name: 'bad', inputSchema: { ...schema, properties: { any: true, none: null } } },
  { name: 'bad', inputSchema: schema, description: null, title: null, icons: null, annotations: null, _meta: null },
  { name: 'bad', inputSchema: schema, annotations: { readOnlyHint: 'true' } },
  { name: 'bad', inputSchema: schema, icons: [{ sizes: '48x48' }, null] },
  { name: 'bad', inputSchema: schema, outputSchema: { ...schema, properties: { a: { $ref: '#/$defs/Missing' } } } },
  { name: 'bad', inputSchema: schema, outputSchema: { ...schema, properties: { a: { pattern: '[\\w-.]' } } } },
  { name: 'bad', inputSchema: schema, description: 'x'.repeat(100_000) },
  null,
  7,
];

/** Each kind of list has an item that is fine and one that is not. */
const answers =
  (item: unknown): Script =>
  (message, response) => {
    const lists: Record<string, object> = {
      'tools/list': { tools: [{ name: 'fine', inputSchema: schema }, item] },
      'prompts/list': { prompts: [{ name: 'fine' }, null, { name: 'bad', arguments: [{ name: null }], title: null }] },
      'resources/list': { resources: [{ uri: 'a:fine', name: 'fine' }, null, { uri: 'a:bad', size: 'large' }] },
      'resources/templates/list': {
        resourceTemplates: [
          { uriTemplate: 'a:{fine}', name: 'fine' },
          { uriTemplate: 'a:{bad}', mimeType: 7 },
        ],
      },
    };
    const text = [{ type: 'text', text: String((message.params as { name?: string }).name) }];
    sayJson(response, resultOf(message, lists[message.method ?? ''] ?? { content: text }));
  };

const fine = bad.map((_, at) => `s${at}__fine`);
const mended = bad.flatMap((item, at) => (typeof item === 'object' && item !== null ? [`s${at}__bad`] : []));

describe('a bad item', async () => {
  // As PHP writes its capabilities.
  const capabilities = { tools: [], prompts: [], resources: [] } as const;
  const servers = await Promise.all(bad.map((item) => startScripted(answers(item), { capabilities })));
  const config = { mcpServers: Object.fromEntries(servers.map(({ url }, at) => [`s${at}`, { url }])) };
  const gateway = await startGateway({ config, admin: false });
  const count = servers.length;

  test('costs a client of the session era no list', async () => {
    const { client } = await sdkClient(gateway.url);
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('fine'))).toEqual(fine);
    expect(names.filter((name) => name.endsWith('bad'))).toEqual(mended);
    expect((await client.listPrompts()).prompts).toHaveLength(2 * count);
    expect((await client.listResources()).resources).toHaveLength(2 * count);
    expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(2 * count);
    for (const name of mended)
      expect((await client.callTool({ name })).content).toEqual([{ type: 'text', text: 'bad' }]);
  });

  test('costs a client of 2026-07-28 no list', async () => {
    const client = await modernSdkClient(gateway.url);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).filter((name) => name.endsWith('fine'))).toEqual(fine);
    expect(tools).toHaveLength(fine.length + mended.length);
    expect((await client.listPrompts()).prompts).toHaveLength(2 * count);
    expect((await client.listResources()).resources).toHaveLength(2 * count);
    expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(2 * count);
  });

  test('is told of in the log, with the kind of mend', () => {
    const log = [...gateway.stdout, ...gateway.stderr].join('\n');
    expect(log).toContain('inputSchema 1');
    expect(log).toContain('unreadable 1');
    expect(log).not.toContain('xxxxx');
  });
});

const paged =
  (page: (cursor: string | undefined) => object): Script =>
  (message: Rpc, response) =>
    sayJson(response, resultOf(message, page((message.params as { cursor?: string } | undefined)?.cursor)));

const tools = (...names: readonly string[]): object[] => names.map((name) => ({ name, inputSchema: schema }));

describe('pages', async () => {
  let endless = 0;
  const servers = {
    overlapping: await startScripted(
      paged((cursor) =>
        cursor === undefined ? { tools: tools('a', 'b'), nextCursor: 'x' } : { tools: tools('b', 'c') },
      ),
    ),
    stuck: await startScripted(paged(() => ({ tools: tools('a', 'b'), nextCursor: `x${endless++}` }))),
    huge: await startScripted(paged(() => ({ tools: tools(...Array.from({ length: 10_001 }, (_, at) => `t${at}`)) }))),
    endless: await startScripted(
      paged((cursor = '0') => ({ tools: tools(`t${cursor}`), nextCursor: `${Number(cursor) + 1}` })),
    ),
  };
  const config = {
    mcpServers: Object.fromEntries(Object.entries(servers).map(([name, { url }]) => [name, { url }])),
  };
  const gateway = await startGateway({ config, admin: false });

  test('that overlap, do not advance, have too many items or never end give each tool once, and all that fit', async () => {
    const { client } = await sdkClient(gateway.url);
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.listTools({ cursor });
      names.push(...page.tools.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const of = (id: string): string[] => names.filter((name) => name.startsWith(`${id}__`));
    expect(of('overlapping')).toEqual(['overlapping__a', 'overlapping__b', 'overlapping__c']);
    expect(of('stuck')).toEqual(['stuck__a', 'stuck__b']);
    expect(of('huge')).toHaveLength(10_000);
    // One more where the first page has been asked for again since.
    expect([128, 129]).toContain(of('endless').length);
    expect(new Set(names).size).toBe(names.length);
    for (const id of ['stuck', 'huge', 'endless'])
      await expect
        .poll(() => [...gateway.stdout, ...gateway.stderr].join('\n'))
        .toMatch(new RegExp(`"upstream":"${id}".*list is cut short`));
  });
});
