/**
 * An upstream that keeps the events of its calls and lets them be taken up again by `Last-Event-ID` (2025-11-25 basic/transports
 * §Resumability and Redelivery). What it says and when its connections break is the test's to decide, event by event.
 */
import type { ServerResponse } from 'node:http';
import type { Rpc } from './plain-client.ts';
import type { RawHandler, RawServer } from './raw-server.ts';
import { resultOf, sayJson, startScripted } from './scripted-upstream.ts';

export interface KeptCall {
  readonly request: Rpc;
  /** Somebody reads its stream. */
  readonly isRead: boolean;
  /** Progress as the next event. */
  progress(value: number): void;
  say(message: object): void;
  /** The result, and the end of the stream. */
  finish(text: string): void;
  /** Ends the connection in good order, after `last` as it stands. */
  end(last?: string): void;
  /** Cuts the connection. */
  cut(): void;
}

export interface KeepingOptions {
  /** Begins each stream with an event that has an id and no data. */
  readonly isPriming?: boolean;
  /** Gives its events no ids, so that nothing can be taken up. */
  readonly hasNoIds?: boolean;
  readonly revision?: string;
}

export interface KeepingUpstream {
  readonly url: string;
  readonly server: RawServer;
  readonly calls: readonly KeptCall[];
  /** `Last-Event-ID` of each GET until now. */
  readonly gets: readonly string[];
  /** Answers the next GET with this instead. */
  answerNextGetWith(handler: RawHandler): void;
}

interface Kept {
  readonly events: string[];
  reader: ServerResponse | undefined;
}

export async function startKeeping(options: KeepingOptions = {}): Promise<KeepingUpstream> {
  const calls: KeptCall[] = [];
  const kept: Kept[] = [];
  const gets: string[] = [];
  const instead: RawHandler[] = [];

  const attach = (call: Kept, response: ServerResponse): void => {
    call.reader = response;
    response.on('close', () => {
      if (call.reader === response) call.reader = undefined;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
  };

  const server = await startScripted(
    (request, response) => {
      if (request.method !== 'tools/call') {
        sayJson(response, resultOf(request, {}));
        return;
      }
      const call: Kept = { events: [], reader: undefined };
      const number = kept.push(call);
      const add = (data: string): void => {
        const at = call.events.length + 1;
        const event = `${options.hasNoIds === true ? '' : `id: ${number}-${at}\n`}data: ${data}\n\n`;
        call.events.push(event);
        call.reader?.write(event);
      };
      attach(call, response);
      if (options.isPriming === true) add('');
      calls.push(callOf(request, call, add));
    },
    {
      sessionId: 'keeping-1',
      revision: options.revision ?? '2025-11-25',
      get: (request, response) => {
        const id = request.headers['last-event-id']?.toString();
        // A stream that belongs to no call is none of these.
        if (id === undefined) {
          response.writeHead(405).end();
          return;
        }
        gets.push(id);
        const other = instead.shift();
        if (other !== undefined) return other(request, response);
        const [number, at] = id.split('-').map(Number);
        const call = number === undefined ? undefined : kept[number - 1];
        if (call === undefined) {
          response.writeHead(400).end();
          return;
        }
        attach(call, response);
        for (const event of call.events.slice(at)) response.write(event);
        if (call.events.at(-1)?.includes('"result"') === true) response.end();
      },
    },
  );
  return { url: server.url, server, calls, gets, answerNextGetWith: (handler) => void instead.push(handler) };
}

function callOf(request: Rpc, call: Kept, add: (data: string) => void): KeptCall {
  const meta = request.params?.['_meta'] as { progressToken?: unknown } | undefined;
  const say = (message: object): void => add(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return {
    request,
    get isRead() {
      return call.reader !== undefined;
    },
    say,
    progress: (progress) =>
      say({ method: 'notifications/progress', params: { progressToken: meta?.progressToken, progress } }),
    finish: (text) => {
      say({ id: request.id, result: { content: [{ type: 'text', text }] } });
      call.reader?.end();
      call.reader = undefined;
    },
    end: (last = '') => {
      call.reader?.end(last);
      call.reader = undefined;
    },
    cut: () => {
      call.reader?.destroy();
      call.reader = undefined;
    },
  };
}
