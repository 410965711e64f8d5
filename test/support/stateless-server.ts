/** A real upstream of the session era that opens no sessions: a fresh SDK server and transport for each POST; GET and DELETE are 405. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Fixture } from './fixture.ts';
import { fixtureServer, freshState } from './fixture-server.ts';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';
import type { SeenRequest } from './stateful-server.ts';

export interface StatelessOptions extends Fixture {
  /** Answers requests with JSON in place of a stream. */
  readonly enableJsonResponse?: boolean;
  readonly port?: number;
}

export interface StatelessServer {
  /** `http://localhost:PORT/mcp`. */
  readonly url: string;
  readonly port: number;
  /** Every HTTP request, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Cuts every connection and stops listening, until `restart`. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts it on a free port, or on `port`. */
export async function startStatelessServer(options: StatelessOptions): Promise<StatelessServer> {
  const state = freshState();
  const requests: SeenRequest[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push({ method: request.method ?? '', headers: request.headers });
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const { server } = fixtureServer(options, state);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: options.enableJsonResponse ?? false });
    response.on('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
  const listener = await listen((request, response) => {
    serve(request, response).catch(() => response.destroy());
  }, options.port);
  return {
    url: `${listener.origin}/mcp`,
    port: listener.port,
    requests,
    stop: () => listener.stop(),
    restart: async () => {
      await listener.stop();
      await listener.start();
    },
    close: closedAtTheEnd(() => listener.stop()),
  };
}
