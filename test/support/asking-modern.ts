/**
 * The tools of asking-tools.ts in 2026-07-28, on the SDK's own server and nothing older: a call that needs an answer ends with
 * `input_required`, and the next round brings it, with the state that the round before has sealed (basic/patterns/mrtr).
 */
import { randomBytes } from 'node:crypto';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { CallToolResult, InputRequests, InputRequiredResult, ServerContext } from '@modelcontextprotocol/server';
import {
  CLIENT_CAPABILITIES_META_KEY,
  McpServer,
  createMcpHandler,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import { listen } from './listener.ts';
import { formOf, linkOf, promptOf } from './questions.ts';
import { closedAtTheEnd } from './started.ts';
import type { SeenRequest } from './stateful-server.ts';

interface Round {
  readonly tool: string;
  /** Answers of the rounds before. */
  readonly until: Readonly<Record<string, object>>;
}

interface Asker {
  ask(
    tool: string,
    questions: InputRequests,
    context: ServerContext,
    until?: Round['until'],
  ): Promise<InputRequiredResult>;
  /** What the rounds before have left. Nothing in a first round. */
  until(context: ServerContext): Round['until'] | undefined;
}

export interface ModernAskingServer {
  /** `http://localhost:PORT/mcp`. */
  readonly url: string;
  /** Every HTTP request, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Names of tools in order of arrival, each round of a call for itself. */
  readonly called: readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts it on a free port. A state that it has not sealed itself is refused with -32602. */
export async function startModernAsking(): Promise<ModernAskingServer> {
  const states = createRequestStateCodec<Round>({ key: randomBytes(32) });
  const requests: SeenRequest[] = [];
  const called: string[] = [];
  const visited = new Set<string>();
  const asker: Asker = {
    ask: async (tool, inputRequests, context, until = {}) =>
      inputRequired({ inputRequests, requestState: await states.mint({ tool, until }, context) }),
    until: (context) => context.mcpReq.requestState<Round>()?.until,
  };
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'asking', version: '1.0.0' },
        { capabilities: { tools: {} }, requestState: { verify: (state, context) => states.verify(state, context) } },
      );
      offerSingle(server, asker, called);
      offerSeveral(server, asker, called);
      offerUnanswered(server, asker, called, visited);
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = toNodeHandler({ fetch: (request) => handler.fetch(request) });
  const listener = await listen((request, response) => {
    requests.push({ method: request.method ?? '', headers: request.headers });
    // A request that a server reads has both; Node's type covers the client's side as well.
    const { method = '', url = '' } = request;
    serve(Object.assign(request, { method, url }), response).catch(() => response.destroy());
  });
  const close = closedAtTheEnd(async () => {
    await handler.close();
    await listener.stop();
  });
  return { url: `${listener.origin}/mcp`, requests, called, close };
}

function offerSingle(server: McpServer, asker: Asker, called: string[]): void {
  const single = (name: string, question: InputRequests[string], before?: (context: ServerContext) => Promise<void>) =>
    server.registerTool(name, { description: 'Asks once' }, async (context) => {
      called.push(name);
      await before?.(context);
      const answer = answerTo(context, 'question');
      return answer === undefined ? asker.ask(name, { question }, context) : answered(answer);
    });
  single('ask_elicitation', inputRequired.elicit(formOf('name')));
  single('ask_sampling', inputRequired.createMessage(promptOf()));
  single('ask_roots', inputRequired.listRoots());
  single('ask_url', inputRequired.elicitUrl(linkOf('once')));
  single('ask_after_progress', inputRequired.elicit(formOf('name')), async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    if (progressToken === undefined) return;
    await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
  });
}

function offerSeveral(server: McpServer, asker: Asker, called: string[]): void {
  server.registerTool('ask_twice', { description: 'Asks for a name, then for a colour' }, async (context) => {
    called.push('ask_twice');
    const { first = answerTo(context, 'first') } = asker.until(context) ?? {};
    if (first === undefined) {
      return asker.ask('ask_twice', { first: inputRequired.elicit(formOf('name')) }, context);
    }
    const second = answerTo(context, 'second');
    if (second !== undefined) return answered({ first, second });
    return asker.ask('ask_twice', { second: inputRequired.elicit(formOf('colour')) }, context, { first });
  });
  server.registerTool('ask_together', { description: 'Asks for a name and a model at once' }, async (context) => {
    called.push('ask_together');
    const [elicitation, sampling] = [answerTo(context, 'elicitation'), answerTo(context, 'sampling')];
    if (elicitation !== undefined && sampling !== undefined) return answered({ elicitation, sampling });
    const questions = {
      elicitation: inputRequired.elicit(formOf('name')),
      sampling: inputRequired.createMessage(promptOf()),
    };
    return asker.ask('ask_together', questions, context);
  });
}

function offerUnanswered(server: McpServer, asker: Asker, called: string[], visited: Set<string>): void {
  server.registerTool('ask_never', { description: 'Asks, and goes on without an answer' }, async (context) => {
    called.push('ask_never');
    // A server must not ask what the request does not declare (2026-07-28 basic/patterns/mrtr).
    if (!declares(context, 'elicitation')) return answered({ without: 'undeclared' });
    const answer = answerTo(context, 'question');
    if (answer === undefined) {
      return asker.ask('ask_never', { question: inputRequired.elicit(formOf('name')) }, context);
    }
    const { action } = answer as { action?: string };
    return answered(action === 'accept' ? answer : { without: action });
  });
  const inputSchema = z.object({ key: z.string() });
  server.registerTool('need_url', { description: 'Needs a URL visited', inputSchema }, async ({ key }, context) => {
    called.push('need_url');
    const link = linkOf(key);
    if (visited.has(link.url)) return answered({ visited: link.url });
    visited.add(link.url);
    return asker.ask('need_url', { question: inputRequired.elicitUrl(link) }, context);
  });
}

/* The members in the order of asking-tools.ts: the texts are compared. */
function answerTo(context: ServerContext, key: string): object | undefined {
  const answer = inputResponse(context.mcpReq.inputResponses, key);
  switch (answer.kind) {
    case 'missing':
      return undefined;
    case 'elicit':
      return { action: answer.action, ...(answer.content === undefined ? {} : { content: answer.content }) };
    case 'sampling':
      return { model: answer.result.model, role: answer.result.role, content: answer.result.content };
    case 'roots':
      return { roots: answer.roots };
  }
}

function declares(context: ServerContext, capability: string): boolean {
  const envelope = context.mcpReq.envelope as Record<string, unknown> | undefined;
  return Object.hasOwn(Object(envelope?.[CLIENT_CAPABILITIES_META_KEY]) as object, capability);
}

function answered(value: object): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }] };
}
