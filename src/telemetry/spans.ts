/**
 * Spans by `@opentelemetry/sdk-node`, configured by its standard environment variables. Loaded only if they ask for it. The
 * process and its arguments are not described: an argument may be a secret.
 */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { textOf } from '../protocol/found.ts';
import { methodLabel } from '../protocol/methods.ts';
import type { Carried, Noted, RequestTrace, Tracing } from './noted.ts';

/** Maximum wait for the last spans of a process, in ms. */
const lastSpansMs = 5000;
/** Names of tools and ids of requests are cut to this length, because clients choose them. */
const maxValueChars = 128;
/** The fields of W3C Trace Context and Baggage; headers and members of `_meta` have the same names. */
const fields = ['traceparent', 'tracestate', 'baggage'] as const;

export function openTracing(version: string): Tracing {
  // The SDK reads this variable unless it is configured otherwise.
  process.env['OTEL_NODE_RESOURCE_DETECTORS'] ??= 'env';
  process.env['OTEL_TRACES_EXPORTER'] ??= 'otlp';
  const sdk = new NodeSDK({
    serviceName: process.env['OTEL_SERVICE_NAME'] ?? 'manifold',
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const tracer = trace.getTracer('manifold', version);

  const latest = new WeakMap<object, RequestTrace>();
  const start = (method: string, upstream: string, called: string | undefined, around: Context): Span => {
    const span = tracer.startSpan(
      nameOf(method, called),
      { kind: SpanKind.CLIENT, attributes: { 'mcp.method.name': method, 'manifold.upstream': upstream } },
      around,
    );
    label(span, method, called);
    return span;
  };

  const begin = (noted: Noted, route: string, tool: string | undefined): RequestTrace => {
    const parent = contextOf(noted);
    const { message, client } = noted;
    const method = methodLabel(message.method);
    const attributes: Attributes = {
      'mcp.method.name': method,
      'manifold.route': route,
      'network.protocol.name': 'http',
      ...(client === undefined ? {} : { 'mcp.session.id': client.label, 'mcp.protocol.version': client.revision }),
      ...(message.id === undefined ? {} : { 'jsonrpc.request.id': message.id.slice(0, maxValueChars) }),
    };
    const startTime = performance.timeOrigin + noted.startedMs;
    const span = tracer.startSpan(nameOf(method, tool), { kind: SpanKind.SERVER, attributes, startTime }, parent);
    label(span, method, tool);
    const around = trace.setSpan(parent, span);
    let upstreamSpan: Span | undefined;
    const begun: RequestTrace = {
      traceId: span.spanContext().traceId,
      named: (name) => {
        span.updateName(nameOf(method, name));
        label(span, method, name);
      },
      part: (own, upstream) => {
        const part = start(own, upstream, undefined, around);
        return {
          carried: carried(trace.setSpan(around, part)),
          end: (outcome, said) => {
            if (outcome !== 'ok') failed(part, outcome, said);
            part.end();
          },
        };
      },
      sent: (upstream, called) => {
        // The previous attempt of a repeated call has ended.
        upstreamSpan?.end();
        upstreamSpan = start(method, upstream, called, around);
        return carried(trace.setSpan(around, upstreamSpan));
      },
      event: (name) => void span.addEvent(name),
      end: (outcome, said) => {
        for (const one of upstreamSpan === undefined ? [span] : [upstreamSpan, span]) {
          if (outcome !== 'ok') failed(one, outcome, said);
          one.end();
        }
      },
    };
    latest.set(noted.caller, begun);
    return begun;
  };

  return {
    begin,
    of: (caller) => latest.get(caller),
    close: async () => {
      const late = new Promise((resolve) => void setTimeout(resolve, lastSpansMs).unref());
      await Promise.race([sdk.shutdown().catch(() => {}), late]);
    },
  };
}

function nameOf(method: string, tool: string | undefined): string {
  return tool === undefined ? method : `${method} ${tool.slice(0, maxValueChars)}`;
}

function label(span: Span, method: string, tool: string | undefined): void {
  if (tool === undefined) return;
  if (method === 'tools/call') span.setAttribute('gen_ai.operation.name', 'execute_tool');
  span.setAttribute(method === 'prompts/get' ? 'gen_ai.prompt.name' : 'gen_ai.tool.name', tool.slice(0, maxValueChars));
}

/* The exception contains the public code and message: details are for the log. */
function failed(span: Span, outcome: string, said: string | undefined): void {
  span.setAttribute('error.type', outcome);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(said === undefined ? {} : { message: said }) });
  if (said !== undefined) span.recordException({ name: outcome, message: said });
}

/** The client's trace context: `_meta` is more specific to the request than the headers. */
function contextOf({ message, caller }: Noted): Context {
  const carrier: Record<string, string> = {};
  for (let i = 0; i + 1 < caller.rawHeaders.length; i += 2) {
    const name = caller.rawHeaders[i]!.toLowerCase();
    if (fields.some((field) => field === name)) carrier[name] = caller.rawHeaders[i + 1]!;
  }
  const meta = message.params?.member('_meta');
  if (meta?.member('traceparent')?.kind === 'string')
    for (const field of fields) {
      const value = meta.member(field);
      if (value?.kind === 'string') carrier[field] = textOf(message.bytes, value);
      else delete carrier[field];
    }
  return propagation.extract(ROOT_CONTEXT, carrier);
}

function carried(around: Context): Carried {
  const carrier: Record<string, string> = {};
  context.with(around, () => propagation.inject(around, carrier));
  const entries = Object.entries(carrier);
  return { headers: entries.flat(), meta: entries.map(([name, value]) => [name, JSON.stringify(value)]) };
}
