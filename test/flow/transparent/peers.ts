/** The official clients behind one interface that shows to the letter what reaches them, at a server or at a gateway alike. */
import { Client as SecondClient, StreamableHTTPClientTransport as SecondTransport } from '@modelcontextprotocol/client';
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { closedAtTheEnd } from '../../support/started.ts';

export type Json = Record<string, unknown>;

interface AskOptions {
  readonly onprogress?: (progress: Json) => void;
  readonly signal?: AbortSignal;
}

export interface Peer {
  /** What the server said of itself. */
  readonly hello: {
    readonly [part in 'revision' | 'capabilities' | 'serverInfo' | 'instructions' | 'discovered']?: unknown;
  };
  /** Notifications, but for progress, in order. */
  readonly heard: Json[];
  /** Requests of the server, in order, each with `withdrawn` once it is taken back. */
  readonly asked: Json[];
  /** The result, or the error with its data. */
  ask(method: string, params?: Json, options?: AskOptions): Promise<Json>;
  notify(method: string, params?: Json): Promise<void>;
  /** `subscriptions/listen` of 2026-07-28. Gives what ends it. */
  listen(filter: Json): Promise<() => Promise<unknown>>;
}

export type Connect = (url: string) => Promise<Peer>;

const clientInfo = { name: 'example-client', title: 'A client', version: '9.8.7', websiteUrl: 'https://example.com/c' };
const anything = z.looseObject({});
const capabilities = {
  roots: { listChanged: true },
  sampling: { context: {}, tools: {} },
  elicitation: { form: {}, url: {} },
  experimental: { 'example.com/client': { b: [1] } },
  extensions: { 'example.com/theirs': { v: 2 } },
};

/** The server says in `_meta` what it wants to be answered; a client without such a word does not know the method. */
function answer({ method, params }: { method: string; params?: Json | undefined }): Json {
  const { 'example.com/answer': result, 'example.com/error': error } = (params?.['_meta'] ?? {}) as Json;
  if (error !== undefined) throw new McpError(-32_055, 'not now', error);
  if (result === undefined) throw new McpError(ErrorCode.MethodNotFound, `no method ${method}`);
  return result as Json;
}

/** What is known of a request but for its id. */
function noted({ method, params }: { method: string; params?: unknown }): Json {
  return { method, ...(params === undefined ? {} : { params }) };
}

async function told(answering: Promise<unknown>): Promise<Json> {
  try {
    return { result: await answering };
  } catch (fault) {
    const { code, message, data } = fault as { code?: unknown; message?: unknown; data?: unknown };
    return { error: { code, message, data } };
  }
}

/** `@modelcontextprotocol/sdk`, of the session era. */
export async function firstClient(url: string): Promise<Peer> {
  const client = new FirstClient(clientInfo, { capabilities });
  const heard: Json[] = [];
  const asked: Json[] = [];
  client.fallbackNotificationHandler = async (message) => void heard.push(noted(message));
  client.fallbackRequestHandler = async (request, { signal }) => await answering(request, signal, asked);
  closedAtTheEnd(() => client.close());
  const transport = new FirstTransport(new URL(url));
  await client.connect(transport);
  return {
    hello: {
      revision: transport.protocolVersion,
      capabilities: client.getServerCapabilities(),
      serverInfo: client.getServerVersion(),
      instructions: client.getInstructions(),
    },
    heard,
    asked,
    ask: (method, params, options) =>
      told(client.request({ method, ...(params === undefined ? {} : { params }) }, anything, options)),
    notify: (method, params) => client.notification({ method, params }),
    listen: () => Promise.reject(new Error('the session era has no subscriptions')),
  };
}

/** `@modelcontextprotocol/client`, of the session era. */
export function secondClient(url: string): Promise<Peer> {
  return second(url, new SecondClient(clientInfo, { capabilities }));
}

/** `@modelcontextprotocol/client`, of 2026-07-28 and nothing older. */
export function modernClient(url: string): Promise<Peer> {
  const versionNegotiation = { mode: { pin: '2026-07-28' } };
  return second(url, new SecondClient(clientInfo, { capabilities, versionNegotiation }));
}

async function second(url: string, client: SecondClient): Promise<Peer> {
  const heard: Json[] = [];
  const asked: Json[] = [];
  client.fallbackNotificationHandler = async (message) => void heard.push(noted(message));
  client.fallbackRequestHandler = async (request, { mcpReq }) => await answering(request, mcpReq.signal, asked);
  // Questions inside of results reach no other handler than these.
  for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list'] as const)
    client.setRequestHandler(method, async ({ params }, { mcpReq }) => {
      return (await answering({ method, params }, mcpReq.signal, asked)) as never;
    });
  closedAtTheEnd(() => client.close());
  await client.connect(new SecondTransport(new URL(url)));
  return {
    hello: {
      revision: client.getNegotiatedProtocolVersion(),
      capabilities: client.getServerCapabilities(),
      serverInfo: client.getServerVersion(),
      instructions: client.getInstructions(),
      discovered: client.getDiscoverResult(),
    },
    heard,
    asked,
    ask: (method, params, options) =>
      told(client.request({ method, ...(params === undefined ? {} : { params }) }, anything, options)),
    notify: (method, params) => client.notification({ method, ...(params === undefined ? {} : { params }) }),
    listen: async (filter) => {
      const subscription = await client.listen(filter);
      return () => subscription.close();
    },
  };
}

/** A request that says nothing of an answer and wants one held back is answered when it is taken back. */
async function answering(
  request: { method: string; params?: Json | undefined },
  signal: AbortSignal,
  asked: Json[],
): Promise<Json> {
  const note = noted(request);
  asked.push(note);
  const { 'example.com/wait': waits } = (request.params?.['_meta'] ?? {}) as Json;
  if (waits !== true) return answer(request);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  note['withdrawn'] = String(signal.reason);
  return {};
}
