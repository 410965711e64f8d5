/** What session-server.ts is in the session era, in 2026-07-28 and no other revision, on the second SDK. */
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { InputRequests, Result, ServerContext } from '@modelcontextprotocol/server';
import { ProtocolError, Server, createMcpHandler, inputRequired } from '@modelcontextprotocol/server';
import { listen } from '../../support/listener.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import * as offer from './offer.ts';

type Json = Record<string, unknown>;
type Notification = Parameters<ServerContext['mcpReq']['notify']>[0];

interface Asked {
  readonly params: Json;
  readonly context: ServerContext;
  readonly cancelled: unknown[];
  readonly touch: (uri: string) => void;
}

/** Starts it on a free port. */
export async function startModernOffer(): Promise<{ readonly url: string }> {
  const cancelled: unknown[] = [];
  const handler = createMcpHandler(
    () => {
      const { serverInfo, capabilities, instructions } = offer;
      const server = new Server(serverInfo, {
        capabilities,
        instructions,
        cacheHints: { 'server/discover': { ttlMs: 0, cacheScope: 'private' } },
      });
      server.fallbackRequestHandler = async ({ method, params = {} }, context) =>
        await answer(method, {
          params,
          context,
          cancelled,
          touch: (uri) => handler.notify.resourceUpdated(uri),
        });
      return server;
    },
    { legacy: 'reject' },
  );
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
  return { url: `${listener.origin}/mcp` };
}

async function answer(method: string, asked: Asked): Promise<Result> {
  const { params } = asked;
  if (method === 'tools/call') {
    const name = String(params['name']);
    const fixed = offer.results[name];
    if (fixed !== undefined) return fixed;
    const run = tools[name];
    if (run === undefined) throw new ProtocolError(-32_602, `no tool ${name}`);
    return await run(asked, (params['arguments'] ?? {}) as Json);
  }
  const answered = offer.answered(method, params);
  if ('error' in answered) throw new ProtocolError(answered.error.code, answered.error.message, answered.error.data);
  return answered.result;
}

const tools: Readonly<Record<string, (asked: Asked, args: Json) => Result | Promise<Result>>> = {
  mirror: ({ params }) => structured({ params }),
  whoami: ({ context }) => structured({ envelope: context.mcpReq.envelope }),
  refused: () => {
    throw new ProtocolError(-32_050, 'refused', { why: ['as asked', { deep: null }] });
  },
  broken: () => {
    throw new Error('it broke');
  },
  steps: async ({ context: { mcpReq } }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0.5, 1, 2])
      if (progressToken !== undefined)
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 2, message: `at ${progress}` },
        });
    return structured({ done: true });
  },
  lines: async ({ context: { mcpReq } }) => {
    for (const level of offer.levels) await mcpReq.log(level as 'info', { level }, 'l');
    return structured({ logged: true });
  },
  say: async ({ context: { mcpReq } }, args) => {
    await mcpReq.notify(args as Notification);
    return structured({ said: true });
  },
  /** Asks `first`, and `next` where there is such a question; answers with what it was answered. */
  ask: ({ context: { mcpReq } }, { first, next }) => {
    const { inputResponses = {} } = mcpReq;
    const before = mcpReq.requestState();
    if (inputResponses['first'] === undefined && before === undefined)
      return inputRequired({ inputRequests: asQuestions({ first }), requestState: 'begun' });
    if (next !== undefined && inputResponses['next'] === undefined)
      return inputRequired({
        inputRequests: asQuestions({ next }),
        requestState: JSON.stringify(inputResponses['first']),
      });
    return structured({ inputResponses, before });
  },
  touch: ({ touch }, { uri }) => {
    touch(String(uri));
    return structured({ told: true });
  },
  hang: async ({ context: { mcpReq }, cancelled }) => {
    await new Promise<void>((resolve) => mcpReq.signal.addEventListener('abort', () => resolve(), { once: true }));
    cancelled.push('hang');
    return {};
  },
  heard: ({ cancelled }) => structured({ cancelled }),
};

function asQuestions(questions: Json): InputRequests {
  return questions as InputRequests;
}

function structured(structuredContent: object): Result {
  return { content: [{ type: 'text', text: 'see the structure' }], structuredContent };
}
