/**
 * A client that says exactly what it is told, over node:http: for what an SDK client would never send (a foreign Host, a header
 * twice, bytes that are no JSON) and for what it would not show (the bytes of an answer, the order of events).
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { closedAtTheEnd } from './started.ts';

export interface Sent {
  readonly method?: string;
  /** Names and values in turn, sent as they stand; Host is added unless given. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  /** For https: PEM texts. */
  readonly tls?: ClientTls;
}

export interface ClientTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, without `Date`. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** A JSON-RPC message, parsed. */
export interface Rpc {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

const postHeaders = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];

/** Headers of a POST, with `more` after them. */
export function posting(...more: readonly string[]): string[] {
  return [...postHeaders, ...more];
}

/** Sends one HTTP request and waits for the whole answer. Rejects when the connection breaks first. */
export async function send(url: string, sent: Sent): Promise<Answer> {
  const response = await begin(url, sent);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: withoutDate(response.rawHeaders),
    body: Buffer.concat(chunks).toString(),
  };
}

function begin(url: string, { method = 'POST', headers = posting(), body, tls }: Sent): Promise<IncomingMessage> {
  const { protocol, hostname, port, pathname, search, host } = new URL(url);
  const named = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  const sized = headers.some((name, at) => at % 2 === 0 && /^(content-length|transfer-encoding)$/i.test(name));
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https:' ? httpsRequest : httpRequest)({
      ...tls,
      hostname,
      port,
      path: `${pathname}${search}`,
      method,
      headers: [...(named ? [] : ['Host', host]), ...headers, ...(sized ? [] : length)],
      agent: false,
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end(body);
  });
}

function withoutDate(raw: readonly string[]): string[] {
  return raw.filter((_text, at) => raw[at - (at % 2)]?.toLowerCase() !== 'date');
}

/** The `data` of each event of a stream, in order. */
export function dataOf(stream: string): string[] {
  return stream
    .split('\n\n')
    .map((block) =>
      block
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6))
        .join('\n'),
    )
    .filter((data) => data !== '');
}

/** All JSON-RPC messages of an answer, whether it is JSON or a stream. */
export function messagesOf({ headers, body }: Pick<Answer, 'headers' | 'body'>): Rpc[] {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
  return (isStream ? dataOf(body) : [body]).map((text) => JSON.parse(text) as Rpc);
}

export interface PlainSession {
  readonly url: string;
  readonly tls?: ClientTls;
  /** The value of `Mcp-Session-Id`. */
  readonly token: string;
  /** The result of `initialize`. */
  readonly initialized: Readonly<Record<string, unknown>>;
  /** Sends `body` as it stands, with the session's headers and then `more`. */
  post(body: string | Buffer, ...more: readonly string[]): Promise<Answer>;
  /** Sends a request and gives the last message of the answer. */
  ask(method: string, params?: object, ...more: readonly string[]): Promise<Rpc>;
  /** The same session at another address. */
  at(url: string): PlainSession;
}

export interface Opening {
  readonly revision?: string;
  readonly capabilities?: object;
  readonly headers?: readonly string[];
  readonly tls?: ClientTls;
}

/** The body of an `initialize` request. */
export function initializeText({ revision = '2025-11-25', capabilities = {} }: Opening = {}): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 'init',
    method: 'initialize',
    params: { protocolVersion: revision, capabilities, clientInfo: { name: 'plain', version: '1' } },
  });
}

/** Opens a session with the whole handshake. Throws with the answer when there is none. */
export async function openSession(url: string, opening: Opening = {}): Promise<PlainSession> {
  const { headers = [], tls } = opening;
  const answer = await send(url, { headers: posting(...headers), body: initializeText(opening), ...(tls && { tls }) });
  const token = answer.headers['mcp-session-id'];
  const [message] = messagesOf(answer);
  if (typeof token !== 'string' || message?.result === undefined)
    throw new Error(`no session: ${answer.status} ${answer.body}`);
  const session = sessionAt(url, token, String(message.result['protocolVersion']), message.result, tls);
  await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return session;
}

let asked = 0;

function sessionAt(
  url: string,
  token: string,
  revision: string,
  initialized: Readonly<Record<string, unknown>>,
  tls?: ClientTls,
): PlainSession {
  const trust = tls && { tls };
  const own = ['Mcp-Session-Id', token, ...(revision === '2025-03-26' ? [] : ['MCP-Protocol-Version', revision])];
  const post: PlainSession['post'] = (body, ...more) =>
    send(url, { headers: posting(...own, ...more), body, ...trust });
  return {
    url,
    ...trust,
    token,
    initialized,
    post,
    ask: async (method, params = {}, ...more) => {
      asked += 1;
      const answer = await post(JSON.stringify({ jsonrpc: '2.0', id: asked, method, params }), ...more);
      const last = messagesOf(answer).at(-1);
      if (last === undefined) throw new Error(`no answer: ${answer.status} ${answer.body}`);
      return last;
    },
    at: (other) => sessionAt(other, token, revision, initialized, tls),
  };
}

export interface OpenStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What has come until now, parsed. */
  readonly messages: readonly Rpc[];
  /** The text that has come until now, comments and ids included. */
  text(): string;
  /** Resolves with the first message that `isIt` takes; rejects when the stream ends without. */
  until(isIt: (message: Rpc) => boolean): Promise<Rpc>;
  /** Resolves when the other side has ended the stream or it broke. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Sends one request and reads the stream that answers it as it comes. */
export async function openStream(url: string, sent: Sent): Promise<OpenStream> {
  const response = await begin(url, sent);
  const messages: Rpc[] = [];
  const waiting = new Set<() => void>();
  let whole = '';
  let read = 0;
  let over = false;
  const take = (): void => {
    const end = whole.lastIndexOf('\n\n');
    if (end >= read) {
      messages.push(...dataOf(whole.slice(read, end)).map((text) => JSON.parse(text) as Rpc));
      read = end + 2;
    }
    for (const look of waiting) look();
  };
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    whole += text;
    take();
  });
  response.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    response.on('close', () => {
      over = true;
      take();
      resolve();
    });
  });
  const close = closedAtTheEnd(async () => {
    response.destroy();
    await ended;
  });
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    messages,
    text: () => whole,
    until: (isIt) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = messages.find(isIt);
          if (found === undefined && !over) return;
          waiting.delete(look);
          if (found === undefined) reject(new Error(`the stream ended without it: ${whole}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    ended,
    close: () => void close(),
  };
}

/** The session's GET stream. */
export function listenTo(
  { url, token, tls }: Pick<PlainSession, 'url' | 'token' | 'tls'>,
  lastEventId?: string,
): Promise<OpenStream> {
  return openStream(url, {
    method: 'GET',
    ...(tls && { tls }),
    headers: [
      'Accept',
      'text/event-stream',
      'Mcp-Session-Id',
      token,
      ...(lastEventId === undefined ? [] : ['Last-Event-ID', lastEventId]),
    ],
  });
}
