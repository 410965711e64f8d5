/**
 * The load: keeps every connection busy with one operation after another and tells of each how long it took and whether
 * its answer was right. What a workload's fields mean is in scenario.ts; why there are two engines, in README.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import { callBody, callOnce, closeSession, echoMark, findEchoTool, firstCallId, openSession } from './mcp-client.ts';
import type { Session } from './mcp-client.ts';
import type { Measured } from './measure.ts';
import type { Workload } from './scenario.ts';

export type Report = (micros: number, right: boolean) => void;

export interface Load {
  stop(): Promise<void>;
}

/** A target that fails at once must not turn the loop into a busy wait. */
const pauseAfterFailureMs = 10;

/** No run is longer; autocannon wants an end. */
const autocannonSeconds = 3_600;
const autocannonSampleMs = 20;

/** Starts the load. Throws when the target refuses a session or shows no echo tool. */
export async function startLoad(
  { url, credential }: Pick<Measured, 'url' | 'credential'>,
  workload: Workload,
  report: Report,
): Promise<Load> {
  const { origin, pathname: path } = new URL(url);
  const clients = Array.from({ length: workload.connections }, () => new Client(origin, { pipelining: 1 }));
  try {
    const lines = await Promise.all(
      clients.map(async (client): Promise<Line> => {
        const session = await openSession(client, path, credential);
        return { client, path, session, credential };
      }),
    );
    const body = callBody(await echoToolOf(lines), workload.reply);
    const load = begin(url, workload, lines, body, report);
    const stop = async (): Promise<void> => {
      await load.stop();
      await Promise.all(lines.map((line) => closeSession(line.client, line.path, line.session)));
      await Promise.all(clients.map((client) => client.destroy()));
    };
    return { stop };
  } catch (fault) {
    await Promise.all(clients.map((client) => client.destroy()));
    throw fault;
  }
}

async function echoToolOf([line]: readonly Line[]): Promise<string> {
  if (line === undefined) throw new Error('a workload needs at least one connection');
  return findEchoTool(line.client, line.path, line.session);
}

/** One connection and its session. */
interface Line {
  readonly client: Client;
  readonly path: string;
  readonly session: Session;
  readonly credential: readonly string[] | undefined;
}

function begin(url: string, workload: Workload, lines: readonly Line[], body: Buffer, report: Report): Load {
  if (workload.kind === 'session') return churnSessions(lines, body, report);
  if (workload.engine === 'autocannon') return callWithAutocannon(url, lines, body, report);
  const callers = lines.map((line) => new Caller(line, body, report));
  for (const caller of callers) caller.next();
  return {
    stop: async () => {
      await Promise.all(callers.map((caller) => caller.stop()));
    },
  };
}

/** Calls without end on one connection. It is its own undici handler, so that a call costs the load no object. */
class Caller implements Dispatcher.DispatchHandler {
  readonly #line: Line;
  readonly #body: Buffer;
  readonly #idAt: number;
  readonly #report: Report;
  readonly #request: Dispatcher.DispatchOptions;
  #id = firstCallId;
  #startedAt = 0;
  #ok = false;
  #echoed = false;
  #stopped: (() => void) | undefined;

  constructor(line: Line, body: Buffer, report: Report) {
    this.#line = line;
    this.#body = Buffer.from(body);
    this.#idAt = body.indexOf(String(firstCallId));
    this.#report = report;
    this.#request = { path: line.path, method: 'POST', headers: [...line.session.headers], body: this.#body };
  }

  next(): void {
    if (this.#stopped !== undefined) return this.#stopped();
    // A requestor never uses an id twice in a session (base protocol §Requests).
    this.#body.write(String((this.#id += 1)), this.#idAt, 'latin1');
    this.#echoed = false;
    this.#startedAt = performance.now();
    this.#line.client.dispatch(this.#request, this);
  }

  async stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#ok = status === 200;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#echoed) this.#echoed = chunk.includes(echoMark);
  }

  onResponseEnd(): void {
    this.#report((performance.now() - this.#startedAt) * 1_000, this.#ok && this.#echoed);
    this.next();
  }

  onResponseError(): void {
    this.#report((performance.now() - this.#startedAt) * 1_000, false);
    setTimeout(() => this.next(), pauseAfterFailureMs);
  }
}

/** The same call by autocannon. Its own statistics are in whole ms, so each reply is reported from its event instead. */
function callWithAutocannon(url: string, lines: readonly Line[], body: Buffer, report: Report): Load {
  let running = true;
  let line = 0;
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const instance = autocannon(
    {
      url,
      method: 'POST',
      body,
      connections: lines.length,
      duration: autocannonSeconds,
      sampleInt: autocannonSampleMs,
      skipAggregateResult: true,
      setupClient: (client) => {
        client.setHeaders(asObject(lines[line]?.session.headers ?? []));
        line += 1;
        let right = false;
        client.on('body', (chunk) => {
          right = chunk.includes(echoMark);
        });
        client.on('response', (status, _bytes, milliseconds) => {
          if (running) report(milliseconds * 1_000, status === 200 && right);
          right = false;
        });
      },
    },
    () => finish(),
  );
  instance.on('reqError', () => {
    if (running) report(0, false);
  });
  return {
    stop: async () => {
      running = false;
      instance.stop();
      await finished;
    },
  };
}

function asObject(pairs: readonly string[]): Record<string, string> {
  const object: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) object[pairs[i] ?? ''] = pairs[i + 1] ?? '';
  return object;
}

/** Opens a session, calls once, ends it, without end: every call carries a token that the target has just made. */
function churnSessions(lines: readonly Line[], body: Buffer, report: Report): Load {
  const stopped = new AbortController();
  const churn = async ({ client, path, credential }: Line): Promise<void> => {
    while (!stopped.signal.aborted) {
      const startedAt = performance.now();
      let right = true;
      try {
        const session = await openSession(client, path, credential);
        await callOnce(client, path, session, body);
        await closeSession(client, path, session);
      } catch {
        right = false;
        await sleep(pauseAfterFailureMs);
      }
      report((performance.now() - startedAt) * 1_000, right);
    }
  };
  const loops = lines.map(churn);
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(loops);
    },
  };
}
