/**
 * Questions of a server in the middle of a call, in all four pairs of eras, through three replicas that take turns: each answer
 * comes to another replica than the one that holds the call (docs/adr/0006-both-eras.md).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { startModernAsking } from '../../support/asking-modern.ts';
import { askingToolNames } from '../../support/asking-tools.ts';
import { memoryEventStore } from '../../support/event-store.ts';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { answering, answeredTexts } from '../../support/questions.ts';
import { startReplicas } from '../../support/replicas.ts';
import { rotating } from '../../support/rotating.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

interface Asker {
  readonly called: readonly string[];
}

const servers: Record<string, Asker> = {};
let urls: string[];

beforeAll(async () => {
  const tools = askingToolNames;
  const keeping = await startStatefulServer({ name: 'keeping', tools, eventStore: memoryEventStore() });
  const plain = await startStatefulServer({ name: 'plain', tools });
  const modern = await startModernAsking();
  Object.assign(servers, { keeping, plain, modern });
  const replicas = await startReplicas(
    3,
    { mcpServers: { keeping: { url: keeping.url }, plain: { url: plain.url }, modern: { url: modern.url } } },
    { args: ['--peer-address', '127.0.0.1:0'] },
  );
  urls = replicas.map(({ url }) => url);
});

type CallTool = (name: string, key?: string) => Promise<unknown>;

const textIn = (result: unknown): string =>
  (result as { content?: { text: string }[] }).content?.[0]?.text ?? JSON.stringify(result);

async function legacy(): Promise<CallTool> {
  const { fetch } = rotating(urls);
  const { client } = await sdkClient(urls[0]!, { ...answering, transport: { fetch } });
  return (name, key) => client.callTool({ name, arguments: key === undefined ? {} : { key } });
}

async function modern(): Promise<CallTool> {
  const client = await modernSdkClient(urls[0]!, { ...answering, fetch: rotating(urls).fetch });
  return (name, key) => client.callTool({ name, arguments: key === undefined ? {} : { key } });
}

describe.each([
  ['legacy', legacy],
  ['modern', modern],
] as const)('a %s client', (era, connect) => {
  test.each(['keeping', 'plain', 'modern'])('answers all that a server asks: %s', async (upstream) => {
    const call = await connect();
    for (const [name, text] of answeredTexts)
      expect([name, textIn(await call(`${upstream}__${name}`))]).toEqual([name, text]);
  });

  test.each(['keeping', 'plain'])('has each call done once, however often it comes back: %s', async (upstream) => {
    const call = await connect();
    const before = servers[upstream]!.called.length;
    await call(`${upstream}__ask_twice`);
    expect(servers[upstream]!.called.slice(before)).toEqual(['ask_twice']);
  });

  test('is told by a server of the session era which URL to visit first', async () => {
    const call = await connect();
    const visit = call('plain__need_url', era);
    if (era === 'legacy') {
      await expect(visit).rejects.toMatchObject({ code: -32_042 });
      expect(textIn(await call('plain__need_url', era))).toBe('{"visited":"https://example.com/connect/legacy"}');
    } else expect(textIn(await visit)).toBe('{"visited":"https://example.com/connect/modern"}');
  });

  test('is told by a server of 2026-07-28 which URL to visit first', async () => {
    const call = await connect();
    expect(textIn(await call('modern__need_url', era))).toBe(`{"visited":"https://example.com/connect/${era}"}`);
  });
});
