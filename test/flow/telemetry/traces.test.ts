/** Traces as a collector gets them: a real OTLP/HTTP receiver, set by the standard environment variables. */
import { describe, expect, test } from 'vitest';
import { askingToolNames } from '../../support/asking-tools.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, type Asked } from '../../support/modern-client.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { startRawServer, type RawRequest } from '../../support/raw-server.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { resultOf, sayEvents, sayJson, startScripted, type Script } from '../../support/scripted-upstream.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly events?: readonly { readonly name: string; readonly attributes?: Span['attributes'] }[];
  readonly status: { readonly code?: number };
}

interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

const server = 2;
const client = 3;

async function startCollector(): Promise<{ readonly origin: string; readonly batches: Batch[]; spans(): Span[] }> {
  const batches: Batch[] = [];
  const { url } = await startRawServer((request, response) => {
    batches.push(request.json as Batch);
    sayJson(response, '{}');
  });
  const spans = (): Span[] =>
    batches.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    );
  return { origin: new URL(url).origin, batches, spans };
}

const toCollector = ({ origin }: { readonly origin: string }): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: origin,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '200',
});

const attributesOf = ({ attributes }: Span): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const exceptionOf = ({ events = [] }: Span): Record<string, unknown> => {
  const { attributes = [] } = events.find(({ name }) => name === 'exception') ?? {};
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
};

const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const call = (url: string, more: object): Promise<Asked> =>
  askModern(url, 'tools/call', {
    capabilities: { elicitation: { form: {} } },
    params: { name: 'plain__ask_elicitation', arguments: {}, ...more },
  });

describe('traces', () => {
  test('have a span for each request and each call, in the trace of the client', { timeout: 60_000 }, async () => {
    const collector = await startCollector();
    const seen: RawRequest[] = [];
    let lost = 1;
    const upstream = await startScripted(
      (message, response, request) => {
        if (message.method === 'tools/list') return sayJson(response, resultOf(message, { tools }));
        seen.push(request);
        if (message.method === 'tools/call' && lost-- > 0) {
          response.writeHead(404).end();
          return undefined;
        }
        if (JSON.stringify(message.params).includes('fail')) {
          response.writeHead(500).end();
          return undefined;
        }
        return sayJson(response, resultOf(message, { content: [] }));
      },
      { sessionId: 'hush-hush' },
    );
    const gateway = await startGateway({
      config: { mcpServers: { up: { url: upstream.url } } },
      env: toCollector(collector),
    });
    const { client: asking, transport } = await sdkClient(gateway.url);
    await asking.listTools();
    await asking.callTool({ name: 'up__echo', arguments: {}, _meta: { traceparent: parent, tracestate: 'a=b' } });
    await asking.callTool({ name: 'up__echo', arguments: { fail: true } }).catch(() => {});
    await expect.poll(() => collector.spans().filter(({ name }) => name === 'tools/call echo').length).toBe(5);
    await expect.poll(() => collector.spans().map(({ name }) => name)).toContain('tools/list');

    const mine = collector.spans().filter(({ traceId }) => traceId === parent.split('-')[1]);
    const request = mine.find(({ kind }) => kind === server)!;
    const calls = mine.filter(({ kind, name }) => kind === client && name === 'tools/call echo');
    expect(request.parentSpanId).toBe(parent.split('-')[2]);
    expect(attributesOf(request)).toMatchObject({
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'echo',
      'gen_ai.operation.name': 'execute_tool',
      'mcp.protocol.version': '2025-11-25',
      'manifold.route': 'default',
    });
    expect(request.events?.map(({ name }) => name)).toContain('manifold.session.healed');
    expect(calls).toHaveLength(2);
    expect(new Set(calls.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([request.spanId]));
    expect(attributesOf(calls[0]!)).toMatchObject({ 'manifold.upstream': 'up', 'gen_ai.tool.name': 'echo' });

    // The upstream is told of the span of its own call, in both places, and of what the client's system added.
    const told = seen.slice(0, 2).map(({ headers, json }) => {
      const { _meta: meta } = (json as { params: { _meta: Record<string, string> } }).params;
      expect(meta['traceparent']).toBe(headers['traceparent']);
      expect(meta['tracestate']).toBe('a=b');
      return headers['traceparent'];
    });
    expect(new Set(told)).toEqual(new Set(calls.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)));

    const failed = collector.spans().find(({ kind, status }) => kind === server && status.code === 2)!;
    expect(attributesOf(failed)['error.type']).toMatch(/^upstream_/);
    expect(failed.events?.map(({ name }) => name)).toContain('exception');

    const text = JSON.stringify(collector.batches);
    expect(text).toContain('"manifold"');
    for (const secret of [transport.sessionId!, 'hush-hush', 'mcpServers']) expect(text).not.toContain(secret);
  });

  test.each(['1', '2'])(
    'of %s process(es): a handshake and a list have spans for what each upstream is asked, and refusals their code',
    { timeout: 60_000 },
    async (workers) => {
      const collector = await startCollector();
      const seen: RawRequest[] = [];
      const script: Script = (message, response, request) => {
        seen.push(request);
        sayJson(response, resultOf(message, message.method === 'tools/list' ? { tools } : { content: [] }));
      };
      const one = await startScripted(script, { sessionId: 'hush-hush' });
      const two = await startScripted(
        (message, response) => {
          if (message.method === 'tools/list') response.writeHead(500).end();
          else sayJson(response, resultOf(message, { content: [] }));
        },
        { sessionId: 'hush-too' },
      );
      const gateway = await startGateway({
        config: { mcpServers: { one: { url: one.url }, two: { url: two.url } } },
        args: ['--workers', workers],
        keysFile: await makeKeysFile(),
        env: { ...toCollector(collector), OTEL_SERVICE_NAME: 'tools-gateway' },
      });
      const { client: asking } = await sdkClient(gateway.url, { headers: { traceparent: parent } });
      seen.length = 0;
      await asking.listTools();
      await asking.callTool({ name: 'nobody__has_it', arguments: {} }).catch(() => {});
      const mine = (): Span[] => collector.spans().filter(({ traceId }) => traceId === parent.split('-')[1]);
      const below = (name: string): Span[] => {
        const request = mine().find((span) => span.kind === server && span.name === name);
        return mine().filter(
          (span) => span.name === name && request !== undefined && span.parentSpanId === request.spanId,
        );
      };
      const upstreamsOf = (spans: readonly Span[]): unknown[] =>
        spans.map((span) => String(attributesOf(span)['manifold.upstream'])).toSorted((a, b) => a.localeCompare(b));
      await expect.poll(() => upstreamsOf(below('initialize'))).toEqual(['one', 'two']);
      await expect.poll(() => upstreamsOf(below('tools/list'))).toEqual(['one', 'two']);
      const refused = (): Span | undefined =>
        mine().find((span) => attributesOf(span)['error.type'] === 'tool_unknown');
      await expect.poll(refused).toBeDefined();

      const [listed, failed] = ['one', 'two'].map((upstream) =>
        below('tools/list').find((span) => attributesOf(span)['manifold.upstream'] === upstream)!,
      );
      expect(listed!.kind).toBe(client);
      expect(failed!.status.code).toBe(2);
      expect(attributesOf(failed!)['error.type']).toMatch(/^upstream_/);
      // The upstream is told of the span that asks it.
      const told = seen.filter(({ json }) => (json as { method?: string }).method === 'tools/list');
      expect(told.map(({ headers }) => headers['traceparent'])).toContain(`00-${listed!.traceId}-${listed!.spanId}-01`);
      expect(refused()).toMatchObject({ name: 'tools/call', kind: server });
      expect(exceptionOf(refused()!)).toEqual({
        'exception.type': 'tool_unknown',
        'exception.message': 'Unknown tool',
      });
      expect(JSON.stringify(collector.batches)).toContain('"tools-gateway"');
      expect(JSON.stringify(collector.batches)).not.toMatch(/hush-hush|hush-too/);
    },
  );

  test('tell that an answer was resumed', { timeout: 60_000 }, async () => {
    const collector = await startCollector();
    let answer = '';
    const upstream = await startScripted(
      (message, response) => {
        if (message.method === 'tools/list') return sayJson(response, resultOf(message, { tools }));
        answer = resultOf(message, { content: [] });
        sayEvents(response)('', 'e1');
        // The stream breaks when the event has left.
        setTimeout(() => response.destroy(), 50);
        return undefined;
      },
      {
        sessionId: 's',
        get: ({ headers }, response) => {
          if (headers['last-event-id'] === 'e1') sayEvents(response)(answer, 'e2');
          else response.writeHead(405).end();
        },
      },
    );
    const gateway = await startGateway({
      config: { mcpServers: { up: { url: upstream.url } } },
      env: toCollector(collector),
    });
    const { client: asking } = await sdkClient(gateway.url);
    await asking.callTool({ name: 'up__echo', arguments: {} });
    const resumed = (): unknown =>
      collector.spans().find(({ events = [] }) => events.some(({ name }) => name === 'manifold.answer.resumed'))?.name;
    await expect.poll(resumed).toBe('tools/call echo');
  });

  test('tell that a request was brought to the replica that has its call', { timeout: 60_000 }, async () => {
    const collector = await startCollector();
    const plain = await startStatefulServer({ name: 'plain', tools: askingToolNames });
    const config = { mcpServers: { plain: { url: plain.url } } };
    const keysFile = await makeKeysFile();
    const [one, two] = await Promise.all([
      startGateway({ config, keysFile, args: ['--peer-address', '127.0.0.1:0'] }),
      startGateway({ config, keysFile, env: toCollector(collector) }),
    ]);
    const first = await call(one.url, {});
    const last = await call(two.url, {
      requestState: first.rpc.result?.['requestState'],
      inputResponses: { q1: { action: 'accept', content: { name: 'Ada' } } },
    });
    expect(last.rpc.result).toMatchObject({ content: [{ type: 'text' }] });
    const hopped = (): unknown =>
      collector.spans().find(({ events = [] }) => events.some(({ name }) => name === 'manifold.hop'))?.name;
    await expect.poll(hopped).toBe('tools/call ask_elicitation');
  });

  test(
    'off: a context of the client passes as it is, and nobody is asked to add one',
    { timeout: 60_000 },
    async () => {
      const seen: RawRequest[] = [];
      const upstream = await startScripted((message, response, request) => {
        if (message.method === 'tools/list') return sayJson(response, resultOf(message, { tools }));
        seen.push(request);
        return sayJson(response, resultOf(message, { content: [] }));
      });
      const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } } });
      const { client: asking } = await sdkClient(gateway.url);
      await asking.callTool({ name: 'up__echo', arguments: {}, _meta: { traceparent: parent } });
      const [request] = seen;
      expect(request?.headers['traceparent']).toBeUndefined();
      expect(JSON.stringify(request?.json)).toContain(parent);
    },
  );
});
