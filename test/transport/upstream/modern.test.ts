/** What an upstream of 2026-07-28 gets, to the header, and what its answers mean. */
import { beforeEach, describe, expect, test } from 'vitest';
import { serverCapability } from '../../../src/protocol/capabilities.ts';
import type { Said } from '../../../src/protocol/said.ts';
import { anonymous } from '../../../src/transport/http/caller.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { forwarded } from '../../../src/transport/upstream/credentials.ts';
import { ModernAdapter } from '../../../src/transport/upstream/modern.ts';
import { aSession, upstreamAt } from '../../clients/a-client.ts';
import { completed, sayError, startModern } from '../../support/modern-upstream.ts';
import { sayEvents, sayJson } from '../../support/scripted-upstream.ts';
import { RecordingSink } from './recording-sink.ts';

let said: object = {};
const modern = await startModern(
  (message, response) => sayJson(response, completed(message, { content: [] })),
  { tools: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } },
  () => said,
);
const { url, server } = modern;
const upstream = upstreamAt(url, { forwardHeaders: ['x-who'] });
const adapter = new ModernAdapter(new Wheel(), forwarded, '1.2.3');
const caller = anonymous({ rawHeaders: ['X-Who', 'alice', 'Cookie', 'a=b'] });
const session = aSession({
  upstream,
  revision: '2026-07-28',
  isShared: true,
  capabilities: serverCapability.tools | serverCapability.tasksExtension,
});
const itself: Said = { capabilities: 0, clientInfo: '{"name":"c","version":"9"}', logLevel: undefined, itself: true };
const facts = { revision: '2026-07-28', capabilities: 0, caller, isShared: false } as const;

beforeEach(() => void (said = {}));

async function called(request: object, asked: Said | undefined = itself): Promise<string[]> {
  const sink = new RecordingSink('1');
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, ...request }));
  adapter.call({ session, caller, said: asked }, body, sink, 5_000);
  await sink.over;
  return sink.told;
}

const meta = (params: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  params['_meta'] as Record<string, unknown>;

describe('opening', () => {
  test('asks what it offers, as the gateway itself', async () => {
    said = { instructions: 'be brief', ttlMs: 7_000, cacheScope: 'public' };
    expect(await adapter.open(upstream, facts, 5_000)).toMatchObject({
      sessionId: undefined,
      revision: '2026-07-28',
      capabilities: serverCapability.tools | serverCapability.tasksExtension,
      instructions: 'be brief',
      stated: { ttlMs: 7_000, isPublic: true },
    });
    const { headers, params } = modern.lastOf('server/discover');
    expect(headers).toMatchObject({
      'mcp-method': 'server/discover',
      'mcp-protocol-version': '2026-07-28',
      'x-who': 'alice',
    });
    expect(headers).not.toHaveProperty('cookie');
    expect(meta(params)).toMatchObject({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'manifold', title: 'Manifold', version: '1.2.3' },
    });
  });

  test.each([
    ['no capabilities', { capabilities: undefined }, 'upstream_refused'],
    ['only other revisions', { supportedVersions: ['2025-11-25'] }, 'upstream_revision_refused'],
  ])('one that gives %s is no upstream of this revision', async (_what, given, code) => {
    said = given;
    await expect(adapter.open(upstream, facts, 5_000)).rejects.toMatchObject({ code });
  });
});

test('one that refuses the revision and names it is asked once more', async () => {
  let refusals = 2;
  const odd = await startModern(() => {});
  const answers = odd.server;
  answers.answerWith((request, response) => {
    const message = request.json as never;
    if (refusals-- > 0)
      sayError(response, message, 400, { code: -32_022, message: 'x', data: { supported: ['2026-07-28'] } });
    else sayJson(response, completed(message, { capabilities: {} }));
  });
  await expect(adapter.open(upstreamAt(odd.url), facts, 5_000)).rejects.toMatchObject({
    code: 'upstream_revision_refused',
  });
  expect(answers.requests).toHaveLength(2);
  refusals = 1;
  expect(await adapter.open(upstreamAt(odd.url), facts, 5_000)).toMatchObject({ capabilities: 0 });
});

const declares = (): boolean => modern.lastOf('tools/call').text.includes('io.modelcontextprotocol/tasks');

describe('a call', () => {
  test('says who asks, and repeats its method and name in headers', async () => {
    const params = { name: 'größe', arguments: { n: 1 }, _meta: { own: 'kept' } };
    const told = await called({ method: 'tools/call', params }, { ...itself, logLevel: 'info' });
    expect(told[0]).toContain('"content":[]');
    const { headers, params: got } = modern.lastOf('tools/call');
    expect(headers['mcp-method']).toBe('tools/call');
    expect(headers['mcp-name']).toMatch(/^=\?base64\?.*\?=$/);
    expect(got).toMatchObject({ name: 'größe', arguments: { n: 1 } });
    expect(meta(got)).toMatchObject({
      own: 'kept',
      'io.modelcontextprotocol/clientInfo': { name: 'c', version: '9' },
      'io.modelcontextprotocol/logLevel': 'info',
    });
  });

  test('repeats the arguments that the tool wants in headers', async () => {
    upstream.paramHeaders = new Map([['t', [{ path: ['region'], name: 'Mcp-Param-Region' }]]]);
    await called({ method: 'tools/call', params: { name: 't', arguments: { region: 'eu' } } });
    expect(modern.lastOf('tools/call').headers['mcp-param-region']).toBe('eu');
    upstream.paramHeaders = new Map();
  });

  test('states no log level that its client does not state', async () => {
    const _meta = { 'io.modelcontextprotocol/logLevel': 'debug', own: 1 };
    await called({ method: 'tools/list', params: { _meta } });
    expect(meta(modern.lastOf('tools/list').params)).not.toHaveProperty(['io.modelcontextprotocol/logLevel']);
    expect(meta(modern.lastOf('tools/list').params)).toHaveProperty('own', 1);
  });

  test('without params gets some', async () => {
    await called({ method: 'prompts/list' });
    expect(Object.keys(meta(modern.lastOf('prompts/list').params))).toContain(
      'io.modelcontextprotocol/protocolVersion',
    );
  });

  test('of a method that this revision does not have is not sent', async () => {
    const before = server.requests.length;
    expect(await called({ method: 'resources/subscribe', params: { uri: 'a:b' } })).toEqual(['method_unknown']);
    expect(server.requests.length).toBe(before);
  });

  test('declares tasks where client and upstream both know them, or where the gateway waits for them', async () => {
    const call = { method: 'tools/call', params: { name: 't' } };
    await called(call, { ...itself, itself: false });
    expect(declares()).toBe(true);
    await called(call);
    expect(declares()).toBe(false);
  });
});

test('a subscription is for all lists, and for what is watched', async () => {
  modern.answerWith((message, response) => {
    const event = sayEvents(response);
    event('{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}');
    event(completed(message, {}));
    response.end();
  });
  const sink = new RecordingSink();
  adapter.listen({ session, caller }, '9', sink, { uris: ['a:b'], tasks: ['t1'] });
  await sink.over;
  expect(sink.told).toEqual(['stream', 'end']);
  const { headers, params } = modern.lastOf('subscriptions/listen');
  expect(headers).not.toHaveProperty('last-event-id');
  expect(params['notifications']).toEqual({
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    resourceSubscriptions: ['a:b'],
    taskIds: ['t1'],
  });
});

test('notifications, answers and ends of sessions do not exist here', async () => {
  const before = server.requests.length;
  await adapter.post();
  await adapter.end();
  expect([server.requests.length, modern.requestsOf('notifications/cancelled')]).toEqual([before, []]);
});
