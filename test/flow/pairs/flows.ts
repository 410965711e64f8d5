/**
 * What holds in every pair of eras, each flow with a client of its own. What differs between the pairs is an argument, so that the
 * file of a pair shows it.
 */
import type { Progress } from '@modelcontextprotocol/client';
import { expect } from 'vitest';
import { answeredTexts } from '../../support/questions.ts';
import type { Json, ListMethod, PairClient } from './clients.ts';
import type { Pair } from './pair.ts';

/** The machine may be busy with other things. */
const patience = { timeout: 20_000 };
/** How long what must not come is waited for, in ms. */
const silenceMs = 300;

const textOf = (result: Json): unknown => (result['content'] as { text?: string }[])[0]?.text;
const elapsed = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** The names on each page, until there is no cursor. */
async function pagesOf(client: PairClient, method: ListMethod, member: string): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await client.page(method, cursor);
    pages.push((page[member] as { name: string }[]).map(({ name }) => name));
    cursor = page['nextCursor'] as string | undefined;
  } while (cursor !== undefined);
  return pages;
}

export async function listsToolsOnPages(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const [first = [], ...rest] = await pagesOf(client, 'tools/list', 'tools');
  expect(first.slice(0, 6)).toEqual(['up__echo', 'up__slow', 'up__log', 'up__fail', 'up__toggle', 'many__tool_0']);
  expect(rest.flat().slice(-9)).toEqual(answeredToolNames);
  expect([first.length, ...rest.map(({ length }) => length)]).toEqual([1_205, 609]);
  expect(new Set([first, ...rest].flat()).size).toBe(1_814);
}

const answeredToolNames = [
  'asks__ask_elicitation',
  'asks__ask_sampling',
  'asks__ask_roots',
  'asks__ask_url',
  'asks__ask_after_progress',
  'asks__ask_twice',
  'asks__ask_together',
  'asks__ask_never',
  'asks__need_url',
];

export async function callsATool(pair: Pair): Promise<void> {
  const client = await pair.connect();
  for (const value of [1, 'two', [3.5, null], { four: 'vier' }])
    expect(textOf(await client.call('up__echo', { value }))).toBe(JSON.stringify({ value }));
  expect(textOf(await client.call('echo', { value: 5 }))).toBe('{"value":5}');
  // Nothing of it hangs on one replica.
  expect(new Set(client.turns.filter((turn) => turn.startsWith('POST')))).toEqual(
    new Set(['POST 0', 'POST 1', 'POST 2']),
  );
}

export async function tellsAToolsFailure(pair: Pair): Promise<void> {
  const client = await pair.connect();
  expect(await client.call('up__fail')).toMatchObject({
    content: [{ type: 'text', text: 'it went wrong' }],
    isError: true,
  });
}

/** Names that the upstream does not have, and names that no upstream could have. */
export async function refusesWhatIsUnknown(pair: Pair, codes: { tool: number; resource: number }): Promise<void> {
  const client = await pair.connect();
  for (const name of ['up__nothing', 'nowhere__echo', 'nothing'])
    await expect(client.call(name)).rejects.toMatchObject({ code: codes.tool });
  for (const uri of ['up+memo://nothing', 'nowhere+memo://today', 'memo://nothing'])
    await expect(client.read(uri)).rejects.toMatchObject({ code: codes.resource });
}

export async function listsAndGetsPrompts(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const { prompts } = await client.page('prompts/list');
  expect(prompts).toEqual([
    {
      name: 'up__greet',
      description: 'Greets someone',
      arguments: [{ name: 'who', description: 'Whom to greet', required: true }],
    },
  ]);
  expect(await client.prompt('up__greet', { who: 'Ada' })).toMatchObject({
    messages: [{ role: 'user', content: { type: 'text', text: 'Greet Ada.' } }],
  });
}

export async function listsAndReadsResources(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const { resources } = await client.page('resources/list');
  expect(resources).toEqual([
    { uri: 'up+memo://today', name: 'today', mimeType: 'text/plain' },
    { uri: 'up+memo://logo', name: 'logo', mimeType: 'image/png' },
  ]);
  const contentsOf = async (uri: string): Promise<unknown> => (await client.read(uri))['contents'];
  expect(await contentsOf('up+memo://today')).toEqual([
    { uri: 'up+memo://today', mimeType: 'text/plain', text: 'nothing today' },
  ]);
  expect(await contentsOf('up+memo://logo')).toEqual([
    { uri: 'up+memo://logo', mimeType: 'image/png', blob: 'iVBORw0KGgo=' },
  ]);
}

export async function listsAndReadsTemplates(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const { resourceTemplates } = await client.page('resources/templates/list');
  expect(resourceTemplates).toEqual([{ uriTemplate: 'up+memo://days/{day}', name: 'day', mimeType: 'text/plain' }]);
  const { contents } = await client.read('up+memo://days/monday');
  expect(contents).toEqual([{ uri: 'up+memo://days/monday', mimeType: 'text/plain', text: 'a day' }]);
}

export async function completesArguments(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const { completion } = await client.complete({ type: 'ref/prompt', name: 'up__greet' }, { name: 'who', value: 'a' });
  expect(completion).toEqual({ values: ['ada', 'alan'], total: 2, hasMore: false });
}

/** The SDK gives `onprogress` what comes under the token of its own request, and nothing else. */
export async function reportsProgress(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const of = async (times: number): Promise<readonly number[]> => {
    const seen: number[] = [];
    const onprogress = ({ progress, total, message }: Progress): void => {
      expect([total, message]).toEqual([times, `step ${progress}`]);
      seen.push(progress);
    };
    expect(textOf(await client.call('up__slow', { times, everyMs: 20 }, { onprogress }))).toBe(`done after ${times}`);
    return seen;
  };
  expect(await Promise.all([of(3), of(4), of(5)])).toEqual([
    [1, 2, 3],
    [1, 2, 3, 4],
    [1, 2, 3, 4, 5],
  ]);
}

function lines(levels: readonly string[]): object[] {
  return levels.map((level) => ({ level, logger: 'fixture', data: 'line 1' }));
}

/** `unasked`: of debug, info and error, what a client hears that has not said what it wants. */
export async function logsAtTheLevelAskedFor(pair: Pair, { unasked }: { unasked: readonly string[] }): Promise<void> {
  const client = await pair.connect();
  const heard = async (): Promise<unknown[]> => {
    client.heard.lines.length = 0;
    for (const level of ['debug', 'info', 'error']) await client.call('up__log', { level });
    return [...client.heard.lines];
  };
  expect(await heard()).toEqual(lines(unasked));
  await client.logFrom('error');
  expect(await heard()).toEqual(lines(['error']));
  await client.logFrom('debug');
  expect(await heard()).toEqual(lines(['debug', 'info', 'error']));
}

/** The list is asked for at every replica before, and has to be the new one at each of them after. */
export async function tellsOfChangedTools(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const isListed = async (): Promise<boolean[]> => {
    const pages = [await client.page('tools/list'), await client.page('tools/list'), await client.page('tools/list')];
    return pages.map(({ tools }) => (tools as { name: string }[]).some(({ name }) => name === 'up__toggled'));
  };
  await client.listenToTools();
  expect(await isListed()).toEqual([false, false, false]);
  await expect
    .poll(async () => {
      // A stream that the SDK opens by itself may not be there yet: off again, and on.
      if (client.heard.toolChanges === 0 && textOf(await client.call('up__toggle')) === 'off')
        await client.call('up__toggle');
      await elapsed(100);
      return client.heard.toolChanges;
    }, patience)
    .toBeGreaterThan(0);
  expect(await isListed()).toEqual([true, true, true]);
  expect(textOf(await client.call('up__toggled'))).toBe('here');
  await client.call('up__toggle');
}

export async function tellsOfUpdatedResources(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const unwatch = await client.watch('up+memo://today');
  await expect
    .poll(async () => {
      await pair.up.touch('memo://logo');
      await pair.up.touch('memo://today');
      await elapsed(50);
      return new Set(client.heard.updated);
    }, patience)
    .toEqual(new Set(['up+memo://today']));
  await unwatch();
  // What was on its way.
  await elapsed(silenceMs);
  client.heard.updated.length = 0;
  await pair.up.touch('memo://today');
  await elapsed(silenceMs);
  expect(client.heard.updated).toEqual([]);
}

type Hints = readonly [ttlMs: unknown, cacheScope: unknown];
const hintsOf = ({ ttlMs, cacheScope }: Json): Hints => [ttlMs, cacheScope];

/** Of a list and of a resource, as the client sees them. */
export async function hintsAtCaching(pair: Pair, expected: { prompts: Hints; resource: Hints }): Promise<void> {
  const client = await pair.connect();
  const prompts = await client.page('prompts/list');
  const resource = await client.read('up+memo://today');
  expect({ prompts: hintsOf(prompts), resource: hintsOf(resource) }).toEqual(expected);
}

export async function outlivesARestart(pair: Pair): Promise<void> {
  const client = await pair.connect();
  expect(textOf(await client.call('up__echo', { at: 'before' }))).toBe('{"at":"before"}');
  await pair.up.restart();
  // Each replica learns of it by itself.
  for (const at of ['first', 'second', 'third', 'fourth'])
    expect(textOf(await client.call('up__echo', { at }))).toBe(JSON.stringify({ at }));
}

/** An elicitation, a sampling and a request for roots, two at once and one after the other: see ../questions for the rest. */
export async function answersQuestions(pair: Pair): Promise<void> {
  const client = await pair.connect();
  for (const [name, text] of answeredTexts)
    expect([name, textOf(await client.call(`asks__${name}`))]).toEqual([name, text]);
}

export async function takesACallBack(pair: Pair): Promise<void> {
  const client = await pair.connect();
  const leaving = new AbortController();
  const begun = Promise.withResolvers<void>();
  const call = client.call(
    'up__slow',
    { times: 1_000, everyMs: 100 },
    { signal: leaving.signal, onprogress: () => begun.resolve() },
  );
  const ended = expect(call).rejects.toThrow();
  await begun.promise;
  const before = pair.up.cancelled.length;
  leaving.abort();
  await ended;
  await expect.poll(() => pair.up.cancelled.slice(before), patience).toEqual(['slow']);
  expect(textOf(await client.call('up__echo', { still: 'here' }))).toBe('{"still":"here"}');
}
