/** Calls of several rounds between two peers of 2026-07-28: state is wrapped, and bound to its call (2026-07-28 basic/patterns/mrtr). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { startEverything } from '../../support/everything.ts';
import type { Asked } from '../../support/modern-client.ts';
import { askModern } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import { startReplicas } from '../../support/replicas.ts';
import { resultOf, sayJson } from '../../support/scripted-upstream.ts';

let replicas: GatewayProcess[];
let upstream: ModernUpstream;

/** What no one may touch on its way: quotes, controls, all planes, and length. */
const state = `{"a":1.0}"\\\u0001é😀${'s'.repeat(2000)}`;
const question = { method: 'elicitation/create', params: { mode: 'form', message: 'Well?', requestedSchema: {} } };
/** The same with the upstream's name, so that a user knows who asks. */
const asked = { ...question, params: { ...question.params, message: '[up] Well?' } };
const asking = { resultType: 'input_required', inputRequests: { q: question }, requestState: state };
const canAnswer = { elicitation: { form: {} } };

beforeAll(async () => {
  const everything = await startEverything('modern');
  upstream = await startModern(
    (message, response) =>
      message.params?.['requestState'] === undefined
        ? sayJson(response, resultOf(message, asking))
        : sayJson(response, completed(message, { content: [{ type: 'text', text: 'done' }] })),
    { tools: {}, prompts: {}, resources: {} },
  );
  replicas = await startReplicas(2, {
    mcpServers: { up: { url: upstream.url }, twin: { url: upstream.url }, everything: { url: everything } },
  });
});

function ask(params: Readonly<Record<string, unknown>>, method = 'tools/call', at = 0): Promise<Asked> {
  return askModern(replicas[at]!.url, method, { params, capabilities: canAnswer });
}

const calls = (): number => upstream.requestsOf('tools/call').length + upstream.requestsOf('prompts/get').length;

const first = { name: 'up__do', arguments: { a: 1 } };
const answers = { q: { action: 'accept', content: { n: 1 } } };

async function stateOf(params: Readonly<Record<string, unknown>>, method?: string): Promise<string> {
  const { rpc } = await ask(params, method);
  return String(rpc.result?.['requestState']);
}

describe('requestState', () => {
  test('is wrapped on its way out, and the question beside it is handed on', async () => {
    const { rpc } = await ask(first);
    expect(rpc.result).toMatchObject({ resultType: 'input_required', inputRequests: { q: asked } });
    expect(rpc.result?.['requestState']).toMatch(/^[\w-]{100,}$/);
    expect(rpc.result).not.toHaveProperty('ttlMs');
  });

  test('comes back to its upstream as it was given, with the answers, through any replica', async () => {
    for (const [method, params] of [
      ['tools/call', first],
      ['prompts/get', { name: 'up__hello' }],
      ['resources/read', { uri: 'up+memo://x' }],
    ] as const) {
      const wrapped = await stateOf(params, method);
      const { rpc } = await ask({ ...params, inputResponses: answers, requestState: wrapped }, method, 1);
      expect(rpc.result?.['resultType']).toBe('complete');
      expect(upstream.lastOf(method).params).toMatchObject({ requestState: state, inputResponses: answers });
    }
  });

  test('of another tool, other arguments, another method or another upstream is -32602 and reaches nobody', async () => {
    const wrapped = await stateOf(first);
    const before = calls();
    for (const [method, params] of [
      ['tools/call', { ...first, name: 'up__other' }],
      ['tools/call', { ...first, arguments: { a: 2 } }],
      ['tools/call', { name: 'up__do' }],
      ['tools/call', { ...first, name: 'twin__do' }],
      ['prompts/get', { ...first }],
    ] as const) {
      const { status, rpc } = await ask({ ...params, inputResponses: answers, requestState: wrapped }, method);
      expect([status, rpc.error]).toEqual([200, { code: -32602, message: 'Invalid or expired requestState' }]);
    }
    expect(calls()).toBe(before);
  });

  test('that was changed in any one place, is no text, or is the upstream’s own is -32602', async () => {
    const wrapped = await stateOf(first);
    const flip = (at: number): string =>
      wrapped.slice(0, at) + (wrapped[at] === 'A' ? 'B' : 'A') + wrapped.slice(at + 1);
    const odd = [
      flip(0),
      flip(40),
      flip(wrapped.length - 10),
      wrapped.slice(0, -1),
      `${wrapped}A`,
      state,
      '',
      7,
      null,
      {},
    ];
    const before = calls();
    for (const requestState of odd) expect((await ask({ ...first, requestState })).rpc.error?.code).toBe(-32602);
    expect(calls()).toBe(before);
  });

  test('of replicas with other keys is -32602', async () => {
    const stranger = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
    const { rpc } = await askModern(stranger.url, 'tools/call', {
      params: { ...first, requestState: await stateOf(first) },
      capabilities: canAnswer,
    });
    expect(rpc.error?.code).toBe(-32602);
  });
});

describe('a real server that asks', () => {
  test('in two rounds gets both answers, each round at another replica', async () => {
    const name = 'everything__test_input_required_result_multi_round';
    const one = await ask({ name });
    const two = await ask(
      {
        name,
        inputResponses: { step1: { action: 'accept', content: { name: 'Ada' } } },
        requestState: one.rpc.result?.['requestState'],
      },
      'tools/call',
      1,
    );
    const three = await ask({
      name,
      inputResponses: { step2: { action: 'accept', content: { color: 'teal' } } },
      requestState: two.rpc.result?.['requestState'],
    });
    expect(three.rpc.result?.['content']).toEqual([{ type: 'text', text: 'Ada likes teal.' }]);
  });

  test('learns what the client declared with this request and nothing more', async () => {
    const params = { name: 'everything__test_input_required_result_capabilities' };
    const asked = await askModern(replicas[0]!.url, 'tools/call', { params, capabilities: { sampling: {} } });
    expect(Object.keys(asked.rpc.result?.['inputRequests'] ?? {})).toEqual(['greeting']);
  });

  test('and lacks a capability is heard: -32021 with HTTP 400, for it was the client who did not declare it', async () => {
    const params = { name: 'everything__test_missing_capability' };
    const { status, rpc } = await askModern(replicas[0]!.url, 'tools/call', { params });
    expect([status, rpc.error?.code]).toEqual([400, -32021]);
    expect(rpc.error?.data).toMatchObject({ requiredCapabilities: { sampling: {} } });
  });
});

describe('errors of an upstream of 2026-07-28', () => {
  test('about the request of the gateway itself are never relayed: -32603', async () => {
    for (const code of [-32020, -32022]) {
      const strict = await startModern((message, response) =>
        sayError(response, message, 400, { code, message: 'inside' }),
      );
      const gateway = await startGateway({ config: { mcpServers: { up: { url: strict.url } } }, admin: false });
      const { status, rpc, answer } = await askModern(gateway.url, 'tools/call', { params: first });
      expect([status, rpc.error?.code]).toEqual([200, -32603]);
      expect(answer.body).not.toContain('inside');
    }
  });
});
