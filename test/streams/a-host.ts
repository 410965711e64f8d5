/** What streams and calls need of their route, with an upstream side that the test plays itself. */
import type { StreamHost } from '../../src/streams/host.ts';
import { Wheel } from '../../src/transport/http/wheel.ts';
import type { AnswerSink, Exchange, ListenFor, UpstreamAdapter } from '../../src/transport/upstream/adapter.ts';
import type { Outbound } from '../../src/transport/upstream/session.ts';

/** A request that was sent to an upstream; the test answers it by its sink. */
export interface Asked {
  readonly to: Outbound;
  readonly sink: AnswerSink;
  /** Of a call. */
  readonly body: string;
  readonly lastEventId: string | undefined;
  readonly wants: ListenFor | undefined;
  isPaused: boolean;
  isAborted: boolean;
}

export interface PlayedHost extends StreamHost {
  readonly calls: Asked[];
  readonly listens: Asked[];
  /** Method and parameters of requests of the gateway's own. */
  readonly asks: string[];
  /** What answers these; an empty result unless set. */
  answer: (method: string, params: string) => Promise<Buffer>;
  /** Ids of sessions that were ended. */
  readonly ended: (string | undefined)[];
  readonly replies: string[];
  readonly drops: string[];
  readonly heard: string[];
  /** What `told` gives. */
  telling: Promise<void> | undefined;
}

export const emptyResult = (): Promise<Buffer> =>
  Promise.resolve(Buffer.from('{"jsonrpc":"2.0","id":"x","result":{}}'));

function begin(list: Asked[], asked: Omit<Asked, 'isPaused' | 'isAborted'>): Exchange {
  const entry = { ...asked, isPaused: false, isAborted: false };
  list.push(entry);
  return {
    pause: () => void (entry.isPaused = true),
    resume: () => void (entry.isPaused = false),
    answered() {},
    abort: () => void (entry.isAborted = true),
  };
}

export function aHost(wheel = new Wheel()): PlayedHost {
  const adapter: UpstreamAdapter = {
    open: () => Promise.reject(new Error('no session is opened here')),
    call: (to, body, sink) =>
      begin(host.calls, { to, sink, body: body.toString(), lastEventId: undefined, wants: undefined }),
    ask: (_to, method, params) => {
      host.asks.push(`${method} ${params}`);
      return host.answer(method, params);
    },
    post: () => Promise.resolve(),
    listen: (to, lastEventId, sink, wants) => begin(host.listens, { to, sink, body: '', lastEventId, wants }),
    end: ({ session }) => {
      host.ended.push(session.sessionId);
      return Promise.resolve();
    },
  };
  const host: PlayedHost = {
    adapter,
    wheel,
    calls: [],
    listens: [],
    asks: [],
    answer: emptyResult,
    ended: [],
    replies: [],
    drops: [],
    heard: [],
    telling: undefined,
    told: (_session, _client, method) => {
      host.heard.push(method);
      return host.telling;
    },
    reply: (_to, body) => void host.replies.push(body),
    dropped: (reason) => void host.drops.push(reason),
  };
  return host;
}

/** An event with a JSON-RPC message. */
export function eventOf(
  message: object | string,
  id?: string,
): { data: string; id: string | undefined; event: undefined } {
  const data = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
  return { data, id, event: undefined };
}

export const changed = { method: 'notifications/tools/list_changed' };
