/**
 * An upstream of 2026-07-28, and of no other revision, that offers what the session era's fixture-server.ts offers: the SDK's own
 * server, the same prompts, resources and tools, and the same answers to them. A flow expects one text whatever the eras.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { CallToolResult, LoggingLevel, ServerContext, ServerNotifier, Tool } from '@modelcontextprotocol/server';
import { McpServer, ProtocolError, ResourceNotFoundError, createMcpHandler } from '@modelcontextprotocol/server';
import { expands, pageOf, standardPrompts, standardResources, standardTemplates } from './fixture.ts';
import { listen } from './listener.ts';
import { text } from './offered-tool.ts';
import { closedAtTheEnd } from './started.ts';

export interface ModernFixture {
  readonly name: string;
  /** Names of tools that nobody calls, in the place of all that is offered otherwise. */
  readonly tools?: readonly string[];
  /** Tools on a page; all on one page unless given. */
  readonly pageSize?: number;
}

export interface ModernFixtureServer {
  /** `http://localhost:PORT/mcp`. */
  readonly url: string;
  /** Names of tools whose call was cancelled. */
  readonly cancelled: readonly string[];
  /** Tells every subscription to `uri`. */
  touch(uri: string): void;
  /** Cuts every connection; then serves on the same port. */
  restart(): Promise<void>;
}

interface State {
  isToggled: boolean;
  readonly cancelled: string[];
  notify: ServerNotifier | undefined;
}

type Arguments = Readonly<Record<string, unknown>>;
type Run = (args: Arguments, context: ServerContext, state: State) => CallToolResult | Promise<CallToolResult>;

const tools: Readonly<Record<string, Run>> = {
  echo: (args) => text(JSON.stringify(args)),
  slow,
  log: async ({ level }, context) => {
    await context.mcpReq.log(level as LoggingLevel, 'line 1', 'fixture');
    return text('logged 1');
  },
  fail: () => ({ ...text('it went wrong'), isError: true }),
  toggle: (_args, _context, state) => {
    state.isToggled = !state.isToggled;
    state.notify?.toolsChanged();
    return text(state.isToggled ? 'on' : 'off');
  },
};
const inputSchema = { type: 'object' } as const;
const beyondTools = {
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};
const invalidParams = -32_602;

/** Starts it on a free port. */
export async function startModernFixture(fixture: ModernFixture): Promise<ModernFixtureServer> {
  const state: State = { isToggled: false, cancelled: [], notify: undefined };
  const handler = createMcpHandler(() => offering(fixture, state), { legacy: 'reject' });
  state.notify = handler.notify;
  const serve = toNodeHandler({ fetch: (request) => handler.fetch(request) });
  const listener = await listen((request, response) => {
    // A request that a server reads has both; Node's type covers the client's side as well.
    const { method = '', url = '' } = request;
    serve(Object.assign(request, { method, url }), response).catch(() => response.destroy());
  });
  closedAtTheEnd(async () => {
    await handler.close();
    await listener.stop();
  });
  return {
    url: `${listener.origin}/mcp`,
    cancelled: state.cancelled,
    touch: (uri) => handler.notify.resourceUpdated(uri),
    restart: async () => {
      await listener.stop();
      await listener.start();
    },
  };
}

function offering(fixture: ModernFixture, state: State): McpServer {
  const made = new McpServer(
    { name: fixture.name, version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: true }, ...(fixture.tools === undefined ? beyondTools : {}) },
      cacheHints: {
        // So that a gateway keeps it, and has to be told when it changes.
        'tools/list': { ttlMs: 600_000, cacheScope: 'public' },
        'prompts/list': { ttlMs: 600_000, cacheScope: 'public' },
        'resources/read': { ttlMs: 700, cacheScope: 'public' },
      },
    },
  );
  offerTools(made, fixture, state);
  if (fixture.tools !== undefined) return made;
  offerPrompts(made);
  offerResources(made);
  return made;
}

function offerTools({ server }: McpServer, fixture: ModernFixture, state: State): void {
  server.setRequestHandler('tools/list', ({ params }) => {
    const names = [...(fixture.tools ?? Object.keys(tools)), ...(state.isToggled ? ['toggled'] : [])];
    const { page, ...next } = pageOf(names, params?.cursor, fixture.pageSize);
    return { tools: page.map((name): Tool => ({ name, inputSchema })), ...next };
  });
  server.setRequestHandler('tools/call', ({ params }, context) => {
    const run = tools[params.name];
    if (params.name === 'toggled' && state.isToggled) return text('here');
    if (run === undefined) throw new ProtocolError(invalidParams, `no tool ${params.name}`);
    return run(params.arguments ?? {}, context, state);
  });
}

async function slow(
  { times = 3, everyMs = 10 }: Arguments,
  context: ServerContext,
  state: State,
): Promise<CallToolResult> {
  const { signal, _meta: meta } = context.mcpReq;
  try {
    for (let done = 1; done <= Number(times); done += 1) {
      await sleep(Number(everyMs), undefined, { signal });
      if (meta?.progressToken === undefined) continue;
      await context.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken: meta.progressToken, progress: done, total: Number(times), message: `step ${done}` },
      });
    }
  } catch (fault) {
    if (signal.aborted) state.cancelled.push('slow');
    throw fault;
  }
  return text(`done after ${Number(times)}`);
}

function offerPrompts({ server }: McpServer): void {
  server.setRequestHandler('prompts/list', () => ({
    prompts: standardPrompts.map(({ messages: _messages, completions: _completions, ...listed }) => listed),
  }));
  server.setRequestHandler('prompts/get', ({ params }) => {
    const prompt = standardPrompts.find(({ name }) => name === params.name);
    if (prompt === undefined) throw new ProtocolError(invalidParams, `no prompt ${params.name}`);
    const who = params.arguments?.['who'] ?? '';
    return {
      messages: prompt.messages.map(({ role, content }) => ({
        role,
        content: content.type === 'text' ? { ...content, text: content.text.replaceAll('{who}', who) } : content,
      })),
    };
  });
  server.setRequestHandler('completion/complete', ({ params: { ref, argument } }) => {
    const prompt = standardPrompts.find(({ name }) => ref.type === 'ref/prompt' && name === ref.name);
    const values = (prompt?.completions?.[argument.name] ?? []).filter((value) => value.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

function offerResources({ server }: McpServer): void {
  server.setRequestHandler('resources/list', () => ({
    resources: standardResources.map(({ text: _text, blob: _blob, ...listed }) => listed),
  }));
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: standardTemplates.map(({ text: _text, ...listed }) => listed),
  }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => {
    const found =
      standardResources.find((resource) => resource.uri === uri) ??
      standardTemplates.find(({ uriTemplate }) => expands(uriTemplate, uri));
    if (found === undefined) throw new ResourceNotFoundError(uri);
    const { mimeType = 'text/plain', text: words = '' } = found;
    if ('blob' in found && found.blob !== undefined) return { contents: [{ uri, mimeType, blob: found.blob }] };
    return { contents: [{ uri, mimeType, text: words }] };
  });
}
