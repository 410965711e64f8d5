/** An upstream whose GET streams the test writes to, ends and cuts as it likes. Calls are answered with an empty result. */
import type { ServerResponse } from 'node:http';
import type { RawHandler, RawServer } from './raw-server.ts';
import { resultOf, sayJson, startScripted } from './scripted-upstream.ts';

export interface PushingOptions {
  readonly capabilities?: object;
  readonly revision?: string;
  /** Keeps sessions, all under one id; `false` keeps none. */
  readonly hasSessions?: boolean;
  /** Allows one GET stream at a time and answers a second with 409, as SDK servers do. */
  readonly onlyOne?: boolean;
}

export interface PushingUpstream {
  readonly url: string;
  readonly server: RawServer;
  /** `Last-Event-ID` of each GET until now, and when it came, in ms. */
  readonly gets: readonly { readonly lastEventId: string | undefined; readonly atMs: number }[];
  /** GET streams that are open. */
  readonly open: number;
  /** From then on answers GET with this, or, with `undefined`, with a stream again. */
  answerGetWith(handler: RawHandler | undefined): void;
  /** Writes an event to every open GET stream. */
  push(message: object, id?: string): void;
  /** Writes `last` as it stands and ends every open GET stream in good order. */
  end(last?: string): void;
  /** Cuts every open GET stream. */
  cut(): void;
}

export async function startPushing(options: PushingOptions = {}): Promise<PushingUpstream> {
  const gets: { lastEventId: string | undefined; atMs: number }[] = [];
  const open = new Set<ServerResponse>();
  let instead: RawHandler | undefined;
  const { capabilities = { tools: { listChanged: true }, logging: {} }, revision = '2025-11-25' } = options;
  const server = await startScripted((message, response) => sayJson(response, resultOf(message, {})), {
    capabilities,
    revision,
    ...(options.hasSessions === false ? {} : { sessionId: 'pushing-1' }),
    get: async (request, response) => {
      gets.push({ lastEventId: request.headers['last-event-id']?.toString(), atMs: performance.now() });
      if (instead !== undefined) return await instead(request, response);
      if (options.onlyOne === true && open.size > 0) {
        response.writeHead(409).end();
        return;
      }
      open.add(response);
      response.on('close', () => open.delete(response));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    },
  });
  return {
    url: server.url,
    server,
    gets,
    get open() {
      return open.size;
    },
    answerGetWith: (handler) => void (instead = handler),
    push: (message, id) => {
      const head = id === undefined ? '' : `id: ${id}\n`;
      for (const response of open) response.write(`${head}data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    },
    end: (last = '') => {
      for (const response of open) response.end(last);
    },
    cut: () => {
      for (const response of open) response.destroy();
    },
  };
}

/** A log message, which every GET stream may carry. */
export function logged(data: unknown): { method: string; params: object } {
  return { method: 'notifications/message', params: { level: 'info', data } };
}
