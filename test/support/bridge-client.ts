/** Speaks to a bridge as plainly as HTTP allows, and remembers what the bridge logged. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startBridge, type Bridge, type BridgeSpec } from '../../src/transport/bridge/bridge.ts';
import type { BridgeLimits } from '../../src/transport/bridge/limits.ts';
import type { BridgeLog } from '../../src/transport/bridge/running-server.ts';
import { closedAtTheEnd } from './started.ts';

export const oddServer = fileURLToPath(new URL('odd-stdio-server.ts', import.meta.url));
export const everythingServer = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
);

export interface LogLine {
  readonly level: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLog(): BridgeLog & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push({ level, text, fields: { ...fields } });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function stdioSpec(
  name: string,
  args: readonly string[],
  more: {
    env?: Record<string, string>;
    cwd?: string;
    command?: string;
    startTimeoutMs?: number;
    shared?: boolean;
  } = {},
): BridgeSpec {
  const { env = {}, cwd, command = process.execPath, ...bridged } = more;
  return { name, transport: { kind: 'stdio', command, args, env, cwd, ...bridged } };
}

export async function bridged(
  specs: readonly BridgeSpec[],
  limits: Partial<BridgeLimits> = {},
  onDropped: (upstream: string, method: string) => void = () => {},
): Promise<{ bridge: Bridge; log: ReturnType<typeof recordingLog> }> {
  const log = recordingLog();
  const bridge = await startBridge(specs, { log, limits, onDropped });
  const close = closedAtTheEnd(() => bridge.close());
  return {
    bridge: {
      urlOf: (name) => bridge.urlOf(name),
      stateOf: (name) => bridge.stateOf(name),
      update: (next) => bridge.update(next),
      close,
    },
    log,
  };
}

export const initializeBody =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{}},"clientInfo":{"name":"t","version":"1"}}}';

export function post(
  url: string,
  body: string,
  session?: string,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** `initialize`, asked again while the server is starting. */
export async function initialize(
  url: string,
  body = initializeBody,
  headers: Record<string, string> = {},
): Promise<Response> {
  for (;;) {
    const response = await post(url, body, undefined, headers);
    if (response.status !== 503) return response;
    await response.arrayBuffer();
  }
}

export async function open(url: string): Promise<string> {
  const response = await initialize(url);
  const text = await response.text();
  const session = response.headers.get('mcp-session-id');
  if (session === null) throw new Error(`no session: ${response.status} ${text}`);
  return session;
}

let ids = 100;

export function request(method: string, params: object = {}, id?: number): string {
  ids += 1;
  return JSON.stringify({ jsonrpc: '2.0', id: id ?? ids, method, params });
}

/** Sends a request that is answered with JSON, and gives the result. */
export async function ask(
  url: string,
  session: string,
  method: string,
  params: object = {},
): Promise<Record<string, unknown>> {
  const response = await post(url, request(method, params), session);
  const body = (await response.json()) as { result?: Record<string, unknown> };
  return body.result ?? {};
}

export interface Listening {
  readonly status: number;
  readonly headers: Headers;
  readonly events: { readonly id: string | undefined; readonly data: string }[];
  /** Resolves when so many events have come. */
  until(count: number): Promise<void>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Reads a stream of events as it comes. Splits plainly: the bridge writes one data line an event. */
export async function listen(start: (signal: AbortSignal) => Promise<Response>): Promise<Listening> {
  const abort = new AbortController();
  const response = await start(abort.signal);
  const events: { id: string | undefined; data: string }[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const read = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const lines = block.split('\n');
        const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
        if (data !== undefined) events.push({ id: lines.find((line) => line.startsWith('id: '))?.slice(4), data });
      }
      for (const one of waiting) if (events.length >= one.count) one.resolve();
    }
  };
  const ended = read().catch(() => {});
  return {
    status: response.status,
    headers: response.headers,
    events,
    until: (count) =>
      new Promise((resolve) => {
        if (events.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    ended,
    close: () => abort.abort(),
  };
}

export function get(url: string, session: string, lastEventId?: string): (signal: AbortSignal) => Promise<Response> {
  return (signal) =>
    fetch(url, {
      headers: {
        accept: 'text/event-stream',
        'mcp-session-id': session,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      signal,
    });
}

/** A process that has ended and that nobody has collected yet counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return !existsSync('/proc/self/stat');
  }
}

/** Waits until `what` holds; fails after ten seconds. */
export async function eventually(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
