/** What a client can see of a server, cell by cell: each is asked of the server itself and through the gateway, and compared. */
import { expect, vi } from 'vitest';
import type { Json, Peer } from './peers.ts';

type Cell = (peer: Peer) => unknown;
export type Cells = Readonly<Record<string, Cell>>;

/** It may come late, so no cell counts it. */
const ready = 'notifications/example.com/ready';
export const patience = { timeout: 15_000, interval: 50 };

export type Call = (peer: Peer) => Promise<Json>;
export const call =
  (name: string, args?: Json, more: Json = {}): Call =>
  (peer) =>
    peer.ask('tools/call', { name, ...(args === undefined ? {} : { arguments: args }), ...more });
const asking =
  (method: string, params?: Json): Call =>
  (peer) =>
    peer.ask(method, params);

/** Pages of a list until there are no more: what the first says beside its items, and all items. */
const listed =
  (method: string, member: string): Cell =>
  async (peer) => {
    const pages: Json[] = [];
    let cursor: unknown;
    do {
      const { result } = await peer.ask(method, cursor === undefined ? undefined : { cursor });
      pages.push(result as Json);
      cursor = (result as Json)['nextCursor'];
    } while (cursor !== undefined);
    const { [member]: _items, nextCursor: _next, ...beside } = pages[0]!;
    return { beside, items: pages.flatMap((each) => each[member]) };
  };

/** The client's own view of what a call made the server ask or say. */
export async function asked(peer: Peer, made: Call): Promise<unknown> {
  peer.asked.length = 0;
  const answer = await made(peer);
  return { asked: [...peer.asked], answer };
}

export async function heard(peer: Peer, made: Call, count: number): Promise<unknown> {
  peer.heard.length = 0;
  const answer = await made(peer);
  const told = (): Json[] => peer.heard.filter(({ method }) => method !== ready);
  await expect.poll(() => told().length, patience).toBeGreaterThanOrEqual(count);
  return { heard: told(), answer };
}

async function progressOf(made: (options: { onprogress: (each: Json) => void }) => Promise<Json>): Promise<unknown> {
  const progress: Json[] = [];
  const answer = await made({ onprogress: (each) => void progress.push(each) });
  return { progress, answer };
}

/** What every revision has. */
export const everywhere: Cells = {
  revision: ({ hello }) => hello.revision,
  capabilities: ({ hello }) => hello.capabilities,
  serverInfo: ({ hello }) => hello.serverInfo,
  instructions: ({ hello }) => hello.instructions,

  'tools/list': listed('tools/list', 'tools'),
  'prompts/list': listed('prompts/list', 'prompts'),
  'resources/list': listed('resources/list', 'resources'),
  'resources/templates/list': listed('resources/templates/list', 'resourceTemplates'),
  'items on the first page': async (peer) => {
    const { result } = await peer.ask('resources/list');
    return ((result as Json)['resources'] as unknown[]).length;
  },
  'a cursor that nobody gave': asking('tools/list', { cursor: 'nonsense' }),

  'a call: all kinds of content, structure, _meta, unknown members': call('rich'),
  'a call that fails in its result': call('failing'),
  'a call without content': call('empty'),
  'a call: what arrives': call(
    'mirror',
    { a: 'é\u0000😀', n: 1e21, '': [null, {}] },
    { _meta: { 'example.com/y': { z: 1 } }, extra: 1 },
  ),
  'a call without arguments': call('mirror'),
  'a tool that no list has': call('mirror2'),
  'a tool with the name of a prefix': call('mirror__mirror'),
  'a call without a name': asking('tools/call', {}),
  'an error with data': call('refused'),
  'an error of the server’s code': call('broken'),
  'many calls at once': (peer) =>
    Promise.all(
      [...Array.from({ length: 20 }).keys()].map(async (n) => {
        const { result } = await call('mirror', { n })(peer);
        return (result as { structuredContent: { params: { arguments: unknown } } }).structuredContent.params.arguments;
      }),
    ),
  progress: (peer) => progressOf((options) => peer.ask('tools/call', { name: 'steps' }, options)),
  'no progress that nobody asked for': call('steps'),

  'a prompt': asking('prompts/get', { name: 'greet', arguments: { who: 'Ada' } }),
  'a prompt without arguments': asking('prompts/get', { name: 'bare' }),
  'a prompt without what it needs': asking('prompts/get', { name: 'greet' }),
  'a prompt that no list has': asking('prompts/get', { name: 'nobody' }),

  'a resource': asking('resources/read', { uri: 'memo://today' }),
  'a resource of bytes': asking('resources/read', { uri: 'memo://logo' }),
  'a resource that no list has': asking('resources/read', { uri: 'memo://unlisted' }),
  'a resource of a template': asking('resources/read', { uri: 'memo://days/monday' }),
  'a resource in the web': asking('resources/read', { uri: 'https://example.com/page' }),
  'a resource of an app': asking('resources/read', { uri: 'ui://view/main' }),
  'a resource whose URI is none': asking('resources/read', { uri: 'no uri at all' }),
  'a resource with a plus': asking('resources/read', { uri: 'x+y://plus' }),
  'a resource that nobody has': asking('resources/read', { uri: 'memo://nothing' }),

  'completion of a prompt': asking('completion/complete', {
    ref: { type: 'ref/prompt', name: 'greet' },
    argument: { name: 'who', value: 'a' },
    context: { arguments: { how: 'well' } },
  }),
  'completion of a template': asking('completion/complete', {
    ref: { type: 'ref/resource', uri: 'memo://days/{day}' },
    argument: { name: 'day', value: '' },
  }),
  'completion of what no list has': asking('completion/complete', {
    ref: { type: 'ref/resource', uri: 'nothing://here' },
    argument: { name: 'x', value: '' },
  }),
  'completion of a prompt that no list has': asking('completion/complete', {
    ref: { type: 'ref/prompt', name: 'nobody' },
    argument: { name: 'x', value: '' },
  }),

  'a method of an extension': asking('example.com/own', { name: 'x', uri: 'memo://today', n: 1.5, _meta: { a: 1 } }),
  'a method that nobody has': asking('example.com/other', { x: 1 }),
};

export const answerWith = (result: Json): Json => ({ _meta: { 'example.com/answer': result } });
export const elicitation = {
  mode: 'form',
  message: 'Your name?',
  requestedSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', title: 'Name', minLength: 1, format: 'email', default: 'a@b.c' },
      one: { type: 'string', oneOf: [{ const: 'a', title: 'A' }] },
      many: { type: 'array', items: { type: 'string', enum: ['x'] }, maxItems: 2 },
      n: { type: 'integer', minimum: 1 },
      yes: { type: 'boolean', default: true },
    },
    required: ['name'],
  },
};
const visit = { mode: 'url', message: 'Sign in', url: 'https://example.com/in?x=1', elicitationId: 'e-1' };
const prompt = {
  messages: [
    { role: 'user', content: { type: 'text', text: 'Well?' } },
    { role: 'assistant', content: { type: 'text', text: 'memo://today' } },
  ],
  systemPrompt: 'Be brief',
  includeContext: 'thisServer',
  temperature: 0.5,
  maxTokens: 50,
  stopSequences: ['.'],
  modelPreferences: { hints: [{ name: 'm' }], costPriority: 0.1 },
  tools: [{ name: 't', inputSchema: { type: 'object' } }],
  toolChoice: { mode: 'auto' },
  metadata: { a: 1 },
};
const completion = {
  model: 'm',
  role: 'assistant',
  content: { type: 'text', text: 'Paris' },
  stopReason: 'endTurn',
  _meta: { x: 1 },
};

/** Makes the server ask in the course of a call, which each era does in its own way. */
export type MakeAsk = (method: string, params: Json) => Cell;

export const questions = (ask: MakeAsk): Cells => ({
  'a form, accepted': ask('elicitation/create', {
    ...elicitation,
    ...answerWith({ action: 'accept', content: { name: 'a@b.c', n: 1, many: ['x'] } }),
  }),
  'a form, declined': ask('elicitation/create', { ...elicitation, ...answerWith({ action: 'decline' }) }),
  'a form, left': ask('elicitation/create', { ...elicitation, ...answerWith({ action: 'cancel' }) }),
  'a URL to visit': ask('elicitation/create', { ...visit, ...answerWith({ action: 'accept' }) }),
  'a model that is asked': ask('sampling/createMessage', { ...prompt, ...answerWith(completion) }),
  roots: ask('roots/list', answerWith({ roots: [{ uri: 'file:///here', name: 'here', _meta: { x: 1 } }] })),
});

const ask: MakeAsk = (method, params) => (peer) => asked(peer, call('ask', { method, params }));

/** What only sessions have. */
export const ofSessions: Cells = {
  ...questions(ask),
  'what a server knows of its client': call('whoami'),
  'a question that the client refuses': ask('elicitation/create', {
    ...elicitation,
    _meta: { 'example.com/error': { because: ['of this'] } },
  }),
  'a ping of the server': ask('ping', {}),
  'a request of an extension': ask('example.com/ask', { uri: 'memo://today', ...answerWith({ said: 'so', n: 1.5 }) }),
  'a request that the client does not have': ask('example.com/nothing', {}),
  'a URL that an error wants visited': call('need_url'),
  'a question that is taken back': async (peer) => {
    const params = { ...elicitation, _meta: { 'example.com/wait': true } };
    const seen = await asked(peer, call('unask', { method: 'elicitation/create', params }));
    await expect.poll(() => peer.asked[0]?.['withdrawn'], patience).toBeDefined();
    return seen;
  },
  'log messages of every level': (peer) => heard(peer, call('lines'), 8),
  'a notification of an extension': (peer) =>
    heard(peer, call('say', { method: 'notifications/example.com/news', params: { uri: 'memo://today', n: 1.5 } }), 1),
  'a URL that was visited': (peer) =>
    heard(peer, call('say', { method: 'notifications/elicitation/complete', params: { elicitationId: 'e-1' } }), 1),
  ping: asking('ping'),
  'a log level': asking('logging/setLevel', { level: 'debug' }),
  'a log level that there is not': asking('logging/setLevel', { level: 'loud' }),
  'a method of an extension without params': asking('example.com/own'),

  'a subscription': async (peer) => {
    const taken = await peer.ask('resources/subscribe', { uri: 'memo://today' });
    const told = await heard(peer, call('touch', { uri: 'memo://today' }), 1);
    const left = await peer.ask('resources/unsubscribe', { uri: 'memo://today' });
    return [taken, told, left, await call('touch', { uri: 'memo://today' })(peer)];
  },
  'a subscription to what no list has': async (peer) => {
    const taken = await peer.ask('resources/subscribe', { uri: 'memo://unlisted' });
    return [taken, await heard(peer, call('touch', { uri: 'memo://unlisted' }), 1)];
  },
  ...Object.fromEntries(
    ['tools', 'prompts', 'resources'].map((list) => [
      `changed ${list}`,
      (peer: Peer) => heard(peer, call('say_apart', { method: `notifications/${list}/list_changed` }), 1),
    ]),
  ),
  'a log message outside of calls': (peer) =>
    heard(peer, call('say_apart', { method: 'notifications/message', params: { level: 'info', data: [1] } }), 1),
  'a notification of an extension outside of calls': (peer) =>
    heard(peer, call('say_apart', { method: 'notifications/example.com/news', params: { a: 1 } }), 1),
  'a question outside of calls': async (peer) => {
    peer.asked.length = 0;
    const params = { ...elicitation, ...answerWith({ action: 'decline' }) };
    await call('ask_apart', { method: 'elicitation/create', params })(peer);
    await expect.poll(() => peer.asked.length, patience).toBe(1);
    return [...peer.asked];
  },
  'notifications of the client': async (peer) => {
    await peer.notify('notifications/roots/list_changed');
    await peer.notify('notifications/example.com/news', { uri: 'memo://today', n: 1.5 });
    const said = async (): Promise<unknown[]> => (await structureOf(peer, 'heard'))['heard'] as unknown[];
    await expect.poll(async () => (await said()).length, patience).toBeGreaterThanOrEqual(2);
    // Each is a request of its own, so the order is not theirs.
    return (await said()).map((each) => JSON.stringify(each)).toSorted();
  },
  'a call that is taken back': async (peer) => {
    const leaving = new AbortController();
    const hanging = peer.ask('tools/call', { name: 'hang' }, { signal: leaving.signal });
    // What is sent after it is behind it.
    await call('mirror')(peer);
    leaving.abort('enough');
    const { error } = await hanging;
    const cancelled = async (): Promise<unknown> => (await structureOf(peer, 'heard'))['cancelled'];
    await expect.poll(cancelled, patience).toHaveLength(1);
    return { error, cancelled: await cancelled() };
  },
  'answers outside of calls': async (peer) => {
    const answers = async (): Promise<unknown> => (await structureOf(peer, 'heard'))['answers'];
    await expect.poll(answers, patience).toHaveLength(1);
    return await answers();
  },

  'a task': async (peer) => {
    const { result } = await call('work', { n: 1 }, { task: { ttl: 60_000 } })(peer);
    const { task } = result as { task: Json };
    const { taskId } = task;
    const [got, payload] = [await peer.ask('tasks/get', { taskId }), await peer.ask('tasks/result', { taskId })];
    return apart([task, got, payload]);
  },
  'a task that is cancelled': async (peer) => {
    const { result } = await call('work', { endless: true }, { task: {} })(peer);
    const { taskId } = (result as { task: Json }).task;
    return apart([await peer.ask('tasks/cancel', { taskId }), await peer.ask('tasks/get', { taskId })]);
  },
  'a task that nobody has': asking('tasks/get', { taskId: 'nothing' }),
  'the list of tasks': async (peer) => 'result' in (await peer.ask('tasks/list')),
};

export async function structureOf(peer: Peer, tool: string): Promise<Json> {
  const { result } = await call(tool)(peer);
  return (result as { structuredContent: Json }).structuredContent;
}

const ofItsOwn = new Set(['taskId', 'createdAt', 'lastUpdatedAt']);

/** Without what no two tasks have in common. */
function apart(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, each: unknown) => (ofItsOwn.has(key) ? typeof each : each)));
}

/** Waits until what a server says outside of calls reaches the client: the SDKs open that stream on their own time. */
export async function hearing(peer: Peer): Promise<void> {
  await vi.waitFor(async () => {
    await call('say_apart', { method: ready })(peer);
    expect(peer.heard).not.toEqual([]);
  }, patience);
}
