/**
 * A modern client whose upstream, of the session era, asks by requests: rounds, and how a call waits for them (2026-07-28
 * basic/patterns/mrtr).
 */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { askingToolNames } from '../../support/asking-tools.ts';
import { memoryEventStore } from '../../support/event-store.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Asked, Asking } from '../../support/modern-client.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openStream } from '../../support/plain-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import type { RawServer } from '../../support/raw-server.ts';
import type { Script } from '../../support/scripted-upstream.ts';
import { resultOf, sayEvents, sayJson, startScripted } from '../../support/scripted-upstream.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const elicitation = { action: 'accept', content: { name: 'Ada' } };
const sampled = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Paris' } };

let one: GatewayProcess;
let two: GatewayProcess;
let plain: StatefulServer;
let keeping: StatefulServer;
let script: Script;
/** What the scripted upstreams got besides requests and the end of the handshake. */
let heard: Rpc[] = [];
const hear = (message: Rpc): void => {
  if (message.method !== 'notifications/initialized') heard.push(message);
};

beforeAll(async () => {
  const tools = askingToolNames;
  plain = await startStatefulServer({ name: 'plain', tools });
  keeping = await startStatefulServer({ name: 'keeping', tools, eventStore: memoryEventStore() });
  const raw = await startScripted((...args) => script(...args), {
    sessionId: 'raw-1',
    heard: hear,
  });
  const unkept = await startScripted((...args) => script(...args), { heard: hear });
  script = (message, response) => sayJson(response, resultOf(message, {}));
  const config = {
    mcpServers: {
      plain: { url: plain.url },
      keeping: { url: keeping.url },
      raw: { url: raw.url },
      unkept: { url: unkept.url },
    },
  };
  const keysFile = await makeKeysFile();
  [one, two] = await Promise.all([
    startGateway({ config, keysFile, admin: true, args: ['--peer-address', '127.0.0.1:0'] }),
    startGateway({ config, keysFile, admin: true }),
  ]);
});

beforeEach(() => void (heard = []));

function call(at: GatewayProcess, name: string, more: object = {}, asking: Asking = {}): Promise<Asked> {
  return askModern(at.url, 'tools/call', { capabilities, params: { name, arguments: {}, ...more }, ...asking });
}

const stateIn = ({ rpc }: Asked): string => String(rpc.result?.['requestState']);
const textIn = ({ rpc }: Asked): unknown => (rpc.result?.['content'] as { text: string }[] | undefined)?.[0]?.text;
const hops = async ({ adminUrl }: GatewayProcess, outcome: string): Promise<number> => {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(new RegExp(`manifold_hops_total\\{outcome="${outcome}"\\} (\\d+)`).exec(page)?.[1] ?? 0);
};

describe.each(['plain', 'keeping'])('a call in which %s asks', (upstream) => {
  test('is answered with a round that names the server, and no hint for keeping it', async () => {
    const { rpc, status } = await call(one, `${upstream}__ask_elicitation`);
    expect(status).toBe(200);
    expect(rpc.result).toEqual({
      resultType: 'input_required',
      inputRequests: {
        q1: {
          method: 'elicitation/create',
          params: {
            mode: 'form',
            message: `[${upstream}] Your name, please`,
            requestedSchema: {
              type: 'object',
              properties: { name: { type: 'string', title: 'The name' } },
              required: ['name'],
            },
          },
        },
      },
      requestState: expect.stringMatching(/^[\w-]{80,}$/) as unknown,
      _meta: expect.objectContaining({}) as unknown,
    });
  });

  test('asks again for what the retry leaves out, and keeps what it had', async () => {
    const first = await call(one, `${upstream}__ask_together`);
    expect(Object.keys(first.rpc.result?.['inputRequests'] as object)).toEqual(['q1', 'q2']);
    const again = await call(one, `${upstream}__ask_together`, {
      requestState: stateIn(first),
      inputResponses: { q2: sampled },
    });
    expect(again.rpc.result).toMatchObject({ resultType: 'input_required', inputRequests: { q1: {} } });
    expect(again.rpc.result?.['inputRequests']).not.toHaveProperty('q2');
    const last = await call(one, `${upstream}__ask_together`, {
      requestState: stateIn(again),
      inputResponses: { q1: elicitation, more: elicitation },
    });
    expect(textIn(last)).toBe(JSON.stringify({ elicitation, sampling: sampled }));
  });

  test('tells its progress under the token of each request', async () => {
    const first = await call(one, `${upstream}__ask_after_progress`, {}, { meta: { progressToken: 'a' } });
    expect(first.messages.map(({ method }) => method)).toEqual(['notifications/progress', undefined]);
    expect(first.messages[0]?.params).toMatchObject({ progressToken: 'a' });
    const more = { requestState: stateIn(first), inputResponses: { q1: elicitation } };
    const last = await call(one, `${upstream}__ask_after_progress`, more, { meta: { progressToken: 'b' } });
    expect(last.messages.map(({ method }) => method)).toEqual([undefined]);
    expect(textIn(last)).toBe('{"action":"accept","content":{"name":"Ada"}}');
  });

  test('takes a state only with the call that it was given for', async () => {
    const requestState = stateIn(await call(one, `${upstream}__ask_elicitation`));
    const inputResponses = { q1: elicitation };
    for (const [name, more] of [
      [`${upstream}__ask_url`, { requestState, inputResponses }],
      [`${upstream}__ask_elicitation`, { requestState: `${requestState}x`, inputResponses }],
      [`${upstream}__ask_elicitation`, { requestState, inputResponses, arguments: { a: 1 } }],
    ] as const)
      expect((await call(one, name, more)).rpc.error).toEqual({
        code: -32_602,
        message: 'Invalid or expired requestState',
      });
    const bad = await call(one, `${upstream}__ask_elicitation`, { requestState, inputResponses: { q1: 'no object' } });
    expect(bad.rpc.error?.code).toBe(-32_602);
    const good = await call(one, `${upstream}__ask_elicitation`, { requestState, inputResponses });
    expect(textIn(good)).toBe('{"action":"accept","content":{"name":"Ada"}}');
  });

  test('is not asked what its request does not declare', async () => {
    const silent = await call(one, `${upstream}__ask_never`, {}, { capabilities: {} });
    expect(textIn(silent)).toBe('{"without":-32601}');
  });
});

describe('the replica that gets the retry', () => {
  test('takes up by itself the stream of a server that keeps events', async () => {
    const before = await hops(two, 'ok');
    const first = await call(one, 'keeping__ask_elicitation');
    const more = { requestState: stateIn(first), inputResponses: { q1: elicitation } };
    expect(textIn(await call(two, 'keeping__ask_elicitation', more))).toBe(
      '{"action":"accept","content":{"name":"Ada"}}',
    );
    expect(await hops(two, 'ok')).toBe(before);
    // A retry that comes twice gets the answer that the server has kept; nothing is done twice.
    const calls = keeping.called.length;
    expect(textIn(await call(one, 'keeping__ask_elicitation', more))).toBe(
      '{"action":"accept","content":{"name":"Ada"}}',
    );
    expect(keeping.called.length).toBe(calls);
  });

  test('has it answered where the call is held, as JSON or as a stream', async () => {
    const before = await hops(two, 'ok');
    const first = await call(one, 'plain__ask_twice');
    const next = await call(two, 'plain__ask_twice', {
      requestState: stateIn(first),
      inputResponses: { q1: elicitation },
    });
    expect(next.rpc.result).toMatchObject({ resultType: 'input_required' });
    const colour = { action: 'accept', content: { colour: 'teal' } };
    const last = await call(two, 'plain__ask_twice', { requestState: stateIn(next), inputResponses: { q1: colour } });
    expect(textIn(last)).toBe(JSON.stringify({ first: elicitation, second: colour }));
    expect(await hops(two, 'ok')).toBe(before + 2);
  });

  test('says that the state is no good where it cannot reach the one that holds the call', async () => {
    // The second replica was given no address.
    const first = await call(two, 'plain__ask_elicitation');
    const more = { requestState: stateIn(first), inputResponses: { q1: elicitation } };
    expect((await call(one, 'plain__ask_elicitation', more)).rpc.error?.code).toBe(-32_602);
    expect(textIn(await call(two, 'plain__ask_elicitation', more))).toBe(
      '{"action":"accept","content":{"name":"Ada"}}',
    );
    expect((await call(two, 'plain__ask_elicitation', more)).rpc.error?.code).toBe(-32_602);
  });
});

function sampling(id: string): string {
  return `{"jsonrpc":"2.0","id":"${id}","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1,"_meta":{"a":1}}}`;
}

/** The server goes on when its question has been answered. */
async function refused(): Promise<void> {
  while (heard.length === 0) await sleep(10);
}

describe('an upstream that asks', () => {
  test('without keeping sessions is refused: no answer could find it', async () => {
    script = (message, response) => {
      const say = sayEvents(response);
      say(sampling('ask-1'));
      void refused().then(() => say(resultOf(message, { content: [] })));
    };
    const { rpc } = await call(one, 'unkept__do');
    expect(rpc.result).toMatchObject({ resultType: 'complete' });
    expect(heard.map(({ id, error }) => [id, error?.code])).toEqual([['ask-1', -32_601]]);
  });

  test('and then answers without waiting is heard', async () => {
    script = (message, response) => {
      const say = sayEvents(response);
      say(sampling('ask-2'));
      say(resultOf(message, { content: [{ type: 'text', text: 'without' }] }));
    };
    expect(textIn(await call(one, 'raw__do'))).toBe('without');
    expect(heard).toEqual([]);
  });

  test('in a call that can have no round is refused', async () => {
    script = (message, response) => {
      const say = sayEvents(response);
      say(sampling('ask-3'));
      void refused().then(() => say(resultOf(message, { completion: { values: [] } })));
    };
    const params = { ref: { type: 'ref/prompt', name: 'raw__p' }, argument: { name: 'a', value: '' } };
    const { rpc } = await askModern(one.url, 'completion/complete', { capabilities, params });
    expect(rpc.result).toMatchObject({ completion: { values: [] } });
    expect(heard.map(({ id, error }) => [id, error?.code])).toEqual([['ask-3', -32_601]]);
  });

  test('gets the answer under its own id, and nothing of what holds for its request alone reaches the client', async () => {
    script = (_message, response) => sayEvents(response)(sampling('ask-4'));
    const { rpc } = await call(one, 'raw__do');
    expect(rpc.result?.['inputRequests']).toEqual({
      q1: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } },
    });
  });

  test('and breaks off while its call waits has lost it: the state is no good', async () => {
    let asked: ServerResponse | undefined;
    script = (_message, response) => {
      sayEvents(response)(sampling('ask-5'));
      asked = response;
    };
    const first = await call(one, 'raw__do');
    asked?.destroy();
    await sleep(300);
    const more = { requestState: stateIn(first), inputResponses: { q1: sampled } };
    expect((await call(one, 'raw__do', more)).rpc.error).toMatchObject({ code: expect.any(Number) as unknown });
  });

  test('asks for a URL that is no web address: the call fails, and no such address is shown', async () => {
    script = (_message, response) =>
      sayEvents(response)(
        '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"mode":"url","message":"m","url":"file:///etc/passwd","elicitationId":"e"}}',
      );
    const { rpc, answer } = await call(one, 'raw__do');
    expect(rpc.error?.code).toBe(-32_603);
    expect(answer.body).not.toContain('passwd');
  });

  test('is told when its client leaves before the round is put together', async () => {
    script = (_message, response) => {
      const say = sayEvents(response);
      say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}');
    };
    const stream = await openStream(
      one.url,
      modernRequest('tools/call', { capabilities, params: { name: 'raw__do' }, meta: { progressToken: 1 } }),
    );
    stream.close();
    await expect.poll(() => heard.map(({ method }) => method)).toEqual(['notifications/cancelled']);
  });
});

describe('a server that asks on the stream of its session, not on that of the call', () => {
  let asking: RawServer;
  let streams: ServerResponse[] = [];
  let answers: Rpc[] = [];
  let calls: (() => void)[] = [];
  let isLost = false;
  const question =
    '{"jsonrpc":"2.0","id":"s-1","method":"elicitation/create","params":{"message":"m","requestedSchema":{}}}';
  let gateway: GatewayProcess;

  beforeEach(async () => {
    [streams, answers, calls] = [[], [], []];
    asking = await startScripted(
      (message, response) => {
        if (message.method !== 'tools/call') {
          sayJson(response, resultOf(message, {}));
          return;
        }
        if (isLost) {
          isLost = false;
          response.writeHead(404).end();
          return;
        }
        const say = sayEvents(response);
        calls.push(() => {
          say(resultOf(message, { content: [{ type: 'text', text: 'done' }] }));
          response.end();
        });
      },
      {
        sessionId: 'standing-1',
        heard: (message) => {
          if (message.id !== undefined) answers.push(message);
        },
        get: (_request, response) => {
          streams.push(response);
          sayEvents(response);
        },
      },
    );
    gateway = await startGateway({ config: { mcpServers: { up: { url: asking.url } } }, admin: false });
  });

  const say = (text: string): void => void streams[0]?.write(`data: ${text}\n\n`);

  test('is taken to ask about the only call under way', async () => {
    const first = call(gateway, 'up__do');
    await expect.poll(() => calls.length).toBe(1);
    expect(streams).toHaveLength(1);
    say(question);
    const more = { requestState: stateIn(await first), inputResponses: { q1: elicitation } };
    const last = call(gateway, 'up__do', more);
    await expect.poll(() => answers).toEqual([{ jsonrpc: '2.0', id: 's-1', result: elicitation }]);
    calls[0]?.();
    expect(textIn(await last)).toBe('done');
    expect(streams).toHaveLength(1);
  });

  test('is refused while several calls are under way, and while there is none', async () => {
    const both = [call(gateway, 'up__do'), call(gateway, 'up__do')];
    await expect.poll(() => calls.length).toBe(2);
    say(question);
    await expect.poll(() => answers.map(({ id, error }) => [id, error?.code])).toEqual([['s-1', -32_601]]);
    for (const finish of calls) finish();
    for (const each of await Promise.all(both)) expect(textIn(each)).toBe('done');
    say(question.replace('s-1', 's-2'));
    await expect.poll(() => answers.map(({ id }) => id)).toEqual(['s-1', 's-2']);
  });

  test('has its stream closed with the session, which is lost to a call', async () => {
    const first = call(gateway, 'up__do');
    await expect.poll(() => calls.length).toBe(1);
    calls[0]?.();
    await first;
    const [former] = streams;
    isLost = true;
    const second = call(gateway, 'up__do');
    await expect.poll(() => calls.length).toBe(2);
    calls[1]?.();
    expect(textIn(await second)).toBe('done');
    await expect.poll(() => former?.destroyed).toBe(true);
    expect([streams.length, streams[1]?.destroyed]).toEqual([2, false]);
  });

  test('gets no such stream from clients that cannot be asked', async () => {
    const silent = call(gateway, 'up__do', {}, { capabilities: {} });
    await expect.poll(() => calls.length).toBe(1);
    calls[0]?.();
    expect(textIn(await silent)).toBe('done');
    expect(streams).toHaveLength(0);
  });
});

test('a server that sends no head before its first event gets the answers all the same', async () => {
  // As servers do that write the head of a stream without flushing it.
  const lazy = await startStatefulServer({
    name: 'lazy',
    tools: askingToolNames,
    eventStore: memoryEventStore(),
    intercept: ({ method }, response) => {
      if (method === 'GET') response.flushHeaders = () => {};
      return false;
    },
  });
  const gateway = await startGateway({ config: { mcpServers: { lazy: { url: lazy.url } } }, admin: false });
  const asked = await call(gateway, 'lazy__ask_elicitation');
  const answered = await call(gateway, 'lazy__ask_elicitation', {
    inputResponses: { q1: elicitation },
    requestState: stateIn(asked),
  });
  expect(textIn(answered)).toBe('{"action":"accept","content":{"name":"Ada"}}');
  expect(lazy.requests.some(({ headers }) => headers['last-event-id'] !== undefined)).toBe(true);
  // Much later the server's own comment, meant to keep the connection, brings the head as well.
}, 12_000);
