/** `subscriptions/listen` through the gateway: one stream for the changes of all upstreams (2026-07-28 basic/patterns/subscriptions). */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, subscribe } from '../../support/modern-client.ts';
import type { ModernUpstream } from '../../support/modern-upstream.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { sayEvents, sayJson } from '../../support/scripted-upstream.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let gateway: GatewayProcess;
let config: object;
let watched: ModernUpstream;
let legacy: StatefulServer;
/** Writes to every subscription that the scripted upstream has open. */
const open = new Set<(method: string, params: object) => void>();

const stamp = 'io.modelcontextprotocol/subscriptionId';

beforeAll(async () => {
  const everything = await startEverything('modern');
  legacy = await startStatefulServer({ name: 'legacy' });
  watched = await startModern(
    (message, response, request) => {
      if (message.method !== 'subscriptions/listen') {
        sayJson(response, completed(message, { tools: [], resources: [] }));
        return;
      }
      const say = sayEvents(response);
      const push = (method: string, params: object): void =>
        say(
          JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta: { [stamp]: message.id, 'x.y/z': 1 } } }),
        );
      push('notifications/subscriptions/acknowledged', { notifications: message.params?.['notifications'] });
      open.add(push);
      request.signal.addEventListener('abort', () => open.delete(push));
    },
    { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
  );
  config = {
    mcpServers: { every: { url: everything }, legacy: { url: legacy.url }, watched: { url: watched.url } },
  };
  gateway = await startGateway({ config, admin: false });
});

const methodsOf = (messages: readonly Rpc[]): unknown[] => messages.map(({ method }) => method);
const tell = (method: string, params: object = {}): void => open.forEach((push) => push(method, params));

describe('a subscription', () => {
  // What the test before has closed must be closed at the upstream as well: a notification would go there.
  beforeEach(() => expect.poll(() => open.size).toBe(0));

  test('is acknowledged first, with what will be told and no more, under its id with its JSON type', async () => {
    for (const [id, value] of [
      ['"sub"', 'sub'],
      ['7', 7],
    ] as const) {
      const stream = await subscribe(gateway.url, { toolsListChanged: true, promptsListChanged: false, odd: true }, id);
      const first = await stream.until(() => true);
      expect(first).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true }, _meta: { [stamp]: value } },
      });
      stream.close();
    }
  });

  test('to nothing is acknowledged, and one without a filter is -32602', async () => {
    const stream = await subscribe(gateway.url, {});
    expect((await stream.until(() => true)).params?.['notifications']).toEqual({});
    stream.close();
    const { rpc } = await askModern(gateway.url, 'subscriptions/listen');
    expect(rpc.error?.code).toBe(-32602);
  });

  test('keeps the text of an id that no number of JavaScript can hold', async () => {
    const stream = await subscribe(gateway.url, { toolsListChanged: true }, '12345678901234567890');
    await stream.until(() => true);
    expect(stream.text()).toContain(`"${stamp}":12345678901234567890}`);
    stream.close();
  });

  test('is told of changed tools by a real upstream of 2026-07-28, and of nothing else', async () => {
    const stream = await subscribe(gateway.url, { toolsListChanged: true });
    await expect
      .poll(
        async () => {
          await askModern(gateway.url, 'tools/call', { params: { name: 'every__test_trigger_prompt_change' } });
          await askModern(gateway.url, 'tools/call', { params: { name: 'every__test_trigger_tool_change' } });
          return methodsOf(stream.messages);
        },
        { timeout: 20_000 },
      )
      .toContain('notifications/tools/list_changed');
    const told = stream.messages.slice(1);
    expect(new Set(methodsOf(told))).toEqual(new Set(['notifications/tools/list_changed']));
    for (const { params } of told) expect(params?.['_meta']).toMatchObject({ [stamp]: 'sub' });
    stream.close();
  });

  test('is told of the changes of an upstream of the session era', async () => {
    const stream = await subscribe(gateway.url, { promptsListChanged: true, toolsListChanged: true });
    await stream.until(() => true);
    await expect
      .poll(
        async () => {
          await legacy.changed('tools');
          return methodsOf(stream.messages);
        },
        { timeout: 20_000 },
      )
      .toContain('notifications/tools/list_changed');
    stream.close();
  });

  test('to resources watches those of upstreams that can, and names them as the client did', async () => {
    const uri = 'watched+memo://today';
    const stream = await subscribe(gateway.url, { resourceSubscriptions: [uri, 'nowhere://x'] });
    const first = await stream.until(() => true);
    expect(first.params?.['notifications']).toEqual({ resourceSubscriptions: [uri] });
    await expect.poll(() => open.size).toBe(1);
    expect(watched.lastOf('subscriptions/listen').params['notifications']).toMatchObject({
      resourceSubscriptions: ['memo://today'],
    });
    tell('notifications/resources/updated', { uri: 'memo://today' });
    const told = await stream.until(({ method }) => method === 'notifications/resources/updated');
    expect(told.params).toEqual({ uri, _meta: { [stamp]: 'sub', 'x.y/z': 1 } });
    stream.close();
  });

  test('never carries progress or log messages', async () => {
    const stream = await subscribe(gateway.url, { toolsListChanged: true });
    await expect.poll(() => open.size).toBe(1);
    tell('notifications/progress', { progressToken: 1, progress: 1 });
    tell('notifications/message', { level: 'info', data: 'x' });
    tell('notifications/tools/list_changed');
    await stream.until(({ method }) => method === 'notifications/tools/list_changed');
    expect(methodsOf(stream.messages)).not.toContain('notifications/progress');
    expect(methodsOf(stream.messages)).not.toContain('notifications/message');
    stream.close();
  });

  test('that its client closes is closed at the upstream', async () => {
    const stream = await subscribe(gateway.url, { toolsListChanged: true });
    await expect.poll(() => open.size).toBe(1);
    stream.close();
    await expect.poll(() => open.size).toBe(0);
  });

  test('ends with a result when the gateway drains, so that its client asks anew elsewhere', async () => {
    const ending = await startGateway({ config, admin: false });
    const stream = await subscribe(ending.url, { toolsListChanged: true }, '"last"');
    await stream.until(() => true);
    const exit = ending.kill();
    const last = await stream.until(({ id }) => id === 'last');
    expect(last.result).toEqual({ resultType: 'complete', _meta: { [stamp]: 'last' } });
    await stream.ended;
    expect((await exit).code).toBe(0);
  });
});
