/**
 * A real upstream of the session era (2025-11-25 basic/transports §Session Management): SDK server and Streamable HTTP
 * transport, one per session, with UUID session ids.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Fixture } from './fixture.ts';
import type { FixtureServer } from './fixture-server.ts';
import { fixtureServer, freshState, touched } from './fixture-server.ts';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface StatefulOptions extends Fixture {
  /** Answers requests with JSON in place of a stream. */
  readonly enableJsonResponse?: boolean;
  readonly eventStore?: EventStore;
  /** Milliseconds, sent as `retry` on streams; with an event store only. */
  readonly retryInterval?: number;
  readonly port?: number;
  /** Answers what it returns `true` for itself: for demands of credentials and the like. Runs before the transport. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface SeenRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export interface StatefulServer {
  /** `http://localhost:PORT/mcp`. */
  readonly url: string;
  readonly port: number;
  /** Every HTTP request, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Ids of the live sessions, oldest first. */
  sessionIds(): string[];
  /** Names of tools whose call was cancelled. */
  readonly cancelled: readonly string[];
  /** Names of tools in the order in which they began to run: a call that was taken up again stands there once. */
  readonly called: readonly string[];
  /** Tells every session that has subscribed to `uri`. Gives how many. */
  touch(uri: string): Promise<number>;
  /** Tells every session that the list has changed. */
  changed(list: 'tools' | 'prompts' | 'resources'): Promise<void>;
  /** Forgets one session, as a server that has expired it: its id then gets 404. */
  expire(sessionId: string): Promise<void>;
  /** Cuts every connection and loses every session; then serves on the same port. */
  restart(): Promise<void>;
  /** Cuts every connection, loses every session and stops listening, until `restart`. */
  stop(): Promise<void>;
  readonly close: () => Promise<void>;
}

interface Session {
  readonly transport: StreamableHTTPServerTransport;
  readonly offered: FixtureServer;
}

const sessionUnknown = { jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } };

/** Starts it on a free port, or on `port`. */
export async function startStatefulServer(options: StatefulOptions): Promise<StatefulServer> {
  const sessions = new Map<string, Session>();
  const state = freshState();
  const requests: SeenRequest[] = [];

  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const offered = fixtureServer(options, state);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        sessions.set(id, { transport, offered });
        state.servers.add(offered);
      },
      ...(options.enableJsonResponse === undefined ? {} : { enableJsonResponse: options.enableJsonResponse }),
      ...(options.eventStore === undefined ? {} : { eventStore: options.eventStore }),
      ...(options.retryInterval === undefined ? {} : { retryInterval: options.retryInterval }),
    });
    offered.server.onclose = () => {
      state.servers.delete(offered);
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    };
    await offered.server.connect(transport);
    return transport;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push({ method: request.method ?? '', headers: request.headers });
    if (options.intercept?.(request, response) === true) return;
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id)?.transport : undefined;
    if (id !== undefined && known === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(sessionUnknown));
      return;
    }
    await (known ?? (await open())).handleRequest(request, response);
  };

  const listener = await listen((request, response) => {
    serve(request, response).catch(() => response.destroy());
  }, options.port);

  const stop = async (): Promise<void> => {
    await listener.stop();
    for (const { offered } of sessions.values()) await offered.server.close();
    sessions.clear();
    state.servers.clear();
  };
  const tell = {
    tools: (each: FixtureServer) => each.server.sendToolListChanged(),
    prompts: (each: FixtureServer) => each.server.sendPromptListChanged(),
    resources: (each: FixtureServer) => each.server.sendResourceListChanged(),
  };
  return {
    url: `${listener.origin}/mcp`,
    port: listener.port,
    requests,
    sessionIds: () => [...sessions.keys()],
    cancelled: state.cancelled,
    called: state.called,
    touch: (uri) => touched(state, uri),
    changed: async (list) => {
      for (const each of state.servers) await tell[list](each);
    },
    expire: async (id) => sessions.get(id)?.offered.server.close(),
    restart: async () => {
      await stop();
      await listener.start();
    },
    stop,
    close: closedAtTheEnd(stop),
  };
}
