/**
 * A client of the session era whose upstream, of 2026-07-28, asks by rounds: requests on the stream of the call (2026-07-28
 * basic/patterns/mrtr).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startQuiet } from '../../support/quiet-upstream.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import type { OpenStream, PlainSession, Rpc } from '../../support/plain-client.ts';
import { openSession, openStream, posting } from '../../support/plain-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { resultOf, sayEvents, sayJson } from '../../support/scripted-upstream.ts';

const form = { mode: 'form', message: 'Well?', requestedSchema: { type: 'object', properties: {} } };
const elicit = { method: 'elicitation/create', params: form };
const visit = { method: 'elicitation/create', params: { mode: 'url', message: 'There', url: 'https://x.example/' } };
const sample = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
const roots = { method: 'roots/list' };
const everything = { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: {} };

let one: GatewayProcess;
let two: GatewayProcess;
let upstream: ModernUpstream;

beforeAll(async () => {
  upstream = await startModern((message, response) => sayJson(response, completed(message, { content: [] })), {
    tools: {},
    prompts: {},
    resources: {},
  });
  const config = { mcpServers: { up: { url: upstream.url }, quiet: { url: await startQuiet() } } };
  const keysFile = await makeKeysFile();
  [one, two] = await Promise.all([
    startGateway({ config, keysFile, admin: false, args: ['--peer-address', '127.0.0.1:0'] }),
    startGateway({ config, keysFile, admin: false }),
  ]);
});

/** Asks these in the first round, and answers the second with what it was given. */
function asksOnce(inputRequests: Readonly<Record<string, object>>, requestState?: string): void {
  upstream.answerWith((message, response) => {
    const { inputResponses, requestState: returned } = message.params ?? {};
    const state = requestState === undefined ? {} : { requestState };
    if (inputResponses === undefined)
      sayJson(response, resultOf(message, { resultType: 'input_required', inputRequests, ...state }));
    else {
      const text = JSON.stringify({ inputResponses, returned });
      sayJson(response, completed(message, { content: [{ type: 'text', text }] }));
    }
  });
}

function begin(session: PlainSession, params: object = {}, method = 'tools/call'): Promise<OpenStream> {
  const revision = String(session.initialized['protocolVersion']);
  const version = revision === '2025-03-26' ? [] : ['MCP-Protocol-Version', revision];
  return openStream(session.url, {
    headers: posting('Mcp-Session-Id', session.token, ...version),
    body: JSON.stringify({ jsonrpc: '2.0', id: 'call', method, params: { name: 'up__do', ...params } }),
  });
}

const isAsked = ({ method }: Rpc): boolean => method !== undefined;
const isAnswer = ({ id }: Rpc): boolean => id === 'call';
const textIn = ({ result }: Rpc): unknown => (result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

function answer(session: PlainSession, id: Rpc['id'], more: object): Promise<{ readonly status: number }> {
  return session.post(JSON.stringify({ jsonrpc: '2.0', id, ...more }));
}

describe('a client that is asked on behalf of a modern upstream', () => {
  test('gets each question as a request, and the upstream all answers with its own state', async () => {
    asksOnce({ a: elicit, b: sample, c: roots, d: visit }, 'st"ate\u0001');
    const session = await openSession(one.url, { capabilities: everything });
    const stream = await begin(session, { arguments: { deep: [1.0] } });
    await expect.poll(() => stream.messages.length).toBe(4);
    const [a, b, c, d] = stream.messages;
    expect(a).toMatchObject({ method: 'elicitation/create', params: { ...form, message: '[up] Well?' } });
    expect(b).toMatchObject(sample);
    expect(c).toMatchObject(roots);
    expect(d?.params).toEqual({
      mode: 'url',
      message: '[up] There',
      url: 'https://x.example/',
      elicitationId: expect.stringMatching(/^[\w-]{36}$/) as unknown,
    });
    for (const each of [d, c, b])
      expect((await answer(session, each?.id, { result: { action: 'accept', for: each?.method } })).status).toBe(202);
    // An elicitation that failed can be said to be cancelled; a second answer changes nothing.
    await answer(session, a?.id, { error: { code: -1, message: 'no' } });
    await answer(session, b?.id, { result: { late: true } }).catch(() => {});
    const { inputResponses, returned } = JSON.parse(String(textIn(await stream.until(isAnswer)))) as {
      inputResponses: object;
      returned: string;
    };
    expect(inputResponses).toEqual({
      a: { action: 'cancel' },
      b: { action: 'accept', for: 'sampling/createMessage' },
      c: { action: 'accept', for: 'roots/list' },
      d: { action: 'accept', for: 'elicitation/create' },
    });
    expect(returned).toBe('st"ate\u0001');
    const [first, second] = upstream
      .requestsOf('tools/call')
      .slice(-2)
      .map(({ json }) => json as Rpc);
    expect(second?.id).not.toBe(first?.id);
    expect(second?.params).toMatchObject({ name: 'do', arguments: { deep: [1] } });
    // Whoever is asked nothing any more cannot answer.
    expect((await answer(session, a?.id, { result: {} })).status).toBe(400);
  });

  test('may answer at another replica, and gets the result where it called', async () => {
    asksOnce({ a: elicit });
    const session = await openSession(one.url, { capabilities: everything });
    const stream = await begin(session);
    const { id } = await stream.until(isAsked);
    expect((await answer(session.at(two.url), id, { result: { action: 'decline' } })).status).toBe(202);
    expect(textIn(await stream.until(isAnswer))).toBe('{"inputResponses":{"a":{"action":"decline"}}}');
    expect((await answer(session.at(two.url), id, { result: { action: 'decline' } })).status).toBe(400);
  });

  test('is told 400, and keeps its session, when the replica that asked cannot be reached', async () => {
    asksOnce({ a: elicit });
    const session = await openSession(two.url, { capabilities: everything });
    const stream = await begin(session);
    const { id } = await stream.until(isAsked);
    expect((await answer(session.at(one.url), id, { result: { action: 'decline' } })).status).toBe(400);
    const other = await openSession(two.url, { capabilities: everything });
    expect((await answer(other, id, { result: { action: 'accept' } })).status).toBe(400);
    expect((await session.ask('ping')).result).toEqual({});
    stream.close();
  });

  test('that refuses sampling or roots ends the call: a tool says so, a prompt fails', async () => {
    asksOnce({ a: sample });
    const session = await openSession(one.url, { capabilities: everything });
    const tool = await begin(session);
    await answer(session, (await tool.until(isAsked)).id, { error: { code: -1, message: 'User rejected' } });
    expect((await tool.until(isAnswer)).result).toEqual({
      content: [{ type: 'text', text: 'The client did not give the input that the tool asked for.' }],
      isError: true,
    });
    const prompt = await begin(session, {}, 'prompts/get');
    await answer(session, (await prompt.until(isAsked)).id, { error: { code: -32_601, message: 'no' } });
    expect((await prompt.until(isAnswer)).error).toEqual({
      code: -32_603,
      message: 'The client did not give the input that the server asked for',
    });
  });

  test('is asked at most eight times in one call', async () => {
    upstream.answerWith((message, response) =>
      sayJson(response, resultOf(message, { resultType: 'input_required', inputRequests: { a: roots } })),
    );
    const session = await openSession(one.url, { capabilities: everything });
    const stream = await begin(session);
    const answered = new Set<Rpc['id']>();
    for (let round = 0; round < 8; round += 1) {
      const { id } = await stream.until((message) => isAsked(message) && !answered.has(message.id));
      answered.add(id);
      expect((await answer(session, id, { result: { roots: [] } })).status).toBe(202);
    }
    expect((await stream.until(isAnswer)).error).toEqual({
      code: -32_603,
      message: 'Upstream server asked for input too often',
    });
    expect(answered.size).toBe(8);
  });

  test('waits a moment where nothing is asked, and the same call comes again with the state alone', async () => {
    let rounds = 0;
    upstream.answerWith((message, response) => {
      rounds += 1;
      if (rounds === 1) sayJson(response, resultOf(message, { resultType: 'input_required', requestState: 'busy' }));
      else sayJson(response, completed(message, { content: [{ type: 'text', text: JSON.stringify(message.params) }] }));
    });
    const session = await openSession(one.url, { capabilities: everything });
    const { result } = await session.ask('tools/call', { name: 'up__do' });
    const params = JSON.parse(String(textIn({ result: result! }))) as Record<string, unknown>;
    expect(params['requestState']).toBe('busy');
    expect(params).not.toHaveProperty('inputResponses');
  });
});

test('a round on a stream that its upstream is slow to end does not disturb the next one', async () => {
  upstream.answerWith((message, response) => {
    const say = sayEvents(response);
    if (message.params?.['inputResponses'] === undefined) {
      say(resultOf(message, { resultType: 'input_required', inputRequests: { a: roots } }));
      setTimeout(() => response.end(), 200);
    } else
      setTimeout(() => {
        say(completed(message, { content: [{ type: 'text', text: 'late' }] }));
        response.end();
      }, 500);
  });
  const session = await openSession(one.url, { capabilities: everything });
  const stream = await begin(session);
  await answer(session, (await stream.until(isAsked)).id, { result: { roots: [] } });
  expect(textIn(await stream.until(isAnswer))).toBe('late');
});

describe('what a modern upstream is told that its client can be asked', () => {
  test.each([
    ['2025-03-26', { sampling: {}, roots: {} }],
    ['2025-06-18', { sampling: {}, roots: {}, elicitation: {} }],
    ['2025-11-25', { sampling: { tools: {}, context: {} }, roots: {}, elicitation: { form: {}, url: {} } }],
  ] as const)('is what revision %s has of it', async (revision, told) => {
    upstream.answerWith((message, response) => sayJson(response, completed(message, { content: [] })));
    const session = await openSession(one.url, { revision, capabilities: everything });
    await session.ask('tools/call', { name: 'up__do' });
    const meta = upstream.lastOf('tools/call').params['_meta'] as Record<string, unknown>;
    expect(meta['io.modelcontextprotocol/clientCapabilities']).toEqual(told);
  });

  test('is nothing for a client that declares nothing, and a question all the same ends the call', async () => {
    asksOnce({ a: elicit });
    const session = await openSession(one.url);
    const { error } = await session.ask('tools/call', { name: 'up__do' });
    expect(error).toEqual({ code: -32_603, message: 'Upstream server gave an invalid answer' });
    const meta = upstream.lastOf('tools/call').params['_meta'] as Record<string, unknown>;
    expect(meta['io.modelcontextprotocol/clientCapabilities']).toEqual({});
  });
});

test.each([
  ['of an unknown kind', { inputRequests: { a: { method: 'tools/list' } } }],
  ['that asks nothing', { inputRequests: {} }],
  [
    'of more than 32 questions',
    { inputRequests: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`q${index}`, roots])) },
  ],
  [
    'that leads elsewhere than to the web',
    { inputRequests: { a: { ...visit, params: { ...visit.params, url: 'javascript:1' } } } },
  ],
])('a round %s is the upstream’s fault', async (_title, round) => {
  upstream.answerWith((message, response) =>
    sayJson(response, resultOf(message, { resultType: 'input_required', ...round })),
  );
  const session = await openSession(one.url, { capabilities: everything });
  const { error } = await session.ask('tools/call', { name: 'up__do' });
  expect(error).toEqual({ code: -32_603, message: 'Upstream server gave an invalid answer' });
});

test('a round that is refused when it comes back is an error of the call, not of its questions', async () => {
  upstream.answerWith((message, response) => {
    if (message.params?.['inputResponses'] === undefined)
      sayJson(response, resultOf(message, { resultType: 'input_required', inputRequests: { a: roots } }));
    else sayError(response, message, 200, { code: -32_602, message: 'Invalid roots' });
  });
  const session = await openSession(one.url, { capabilities: everything });
  const stream = await begin(session);
  await answer(session, (await stream.until(isAsked)).id, { result: { roots: 'none' } });
  expect((await stream.until(isAnswer)).error).toEqual({ code: -32_602, message: 'Invalid roots' });
});
