/**
 * A client of 2026-07-28 that says exactly what it is told: the envelope in `_meta` and the headers that repeat parts of the
 * body are made for it, and each can be changed or left out.
 */
import type { Answer, OpenStream, Rpc, Sent } from './plain-client.ts';
import { messagesOf, openStream, posting, send } from './plain-client.ts';

export interface Asking {
  /** Raw JSON; a new number unless given. */
  readonly id?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly capabilities?: object;
  /** Laid over the envelope; `undefined` takes a key out. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** Laid over the headers by their names as written in `modernHeaders`; `undefined` takes one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface Asked {
  readonly status: number;
  readonly answer: Answer;
  /** All messages of the answer. */
  readonly messages: readonly Rpc[];
  /** The last of them. */
  readonly rpc: Rpc;
}

const revision = '2026-07-28';
const namedBy: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);
let asked = 0;

/** The envelope that every request of a well-behaved client has. */
export function envelope(capabilities: object = {}): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': { name: 'modern', version: '1' },
  };
}

/** The request as HTTP. Header values are written as they are: nothing is encoded. */
export function modernRequest(method: string, asking: Asking = {}): Sent {
  asked += 1;
  const { id = String(asked), params = {}, capabilities, meta = {}, headers = {} } = asking;
  const named = params[namedBy.get(method) ?? ''];
  const all: Record<string, string | undefined> = {
    'MCP-Protocol-Version': revision,
    'Mcp-Method': method,
    'Mcp-Name': typeof named === 'string' ? named : undefined,
    ...headers,
  };
  const body = JSON.stringify({ method, params: { ...params, _meta: { ...envelope(capabilities), ...meta } } });
  return {
    headers: posting(...Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [key, value]))),
    body: `{"jsonrpc":"2.0","id":${id},${body.slice(1)}`,
  };
}

/** Sends a request and waits for the whole answer. Throws with the answer when it holds no message. */
export async function askModern(url: string, method: string, asking: Asking = {}): Promise<Asked> {
  const answer = await send(url, modernRequest(method, asking));
  const messages = messagesOf(answer);
  const rpc = messages.at(-1);
  if (rpc === undefined) throw new Error(`no answer: ${answer.status} ${answer.body}`);
  return { status: answer.status, answer, messages, rpc };
}

/** `subscriptions/listen` for what `notifications` asks for; `more` headers come last. */
export function subscribe(
  url: string,
  notifications: object,
  id = '"sub"',
  more: readonly string[] = [],
): Promise<OpenStream> {
  const { headers = [], ...request } = modernRequest('subscriptions/listen', { id, params: { notifications } });
  return openStream(url, { ...request, headers: [...headers, ...more] });
}
