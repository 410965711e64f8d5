/**
 * One connection to a server of the deprecated HTTP+SSE transport (2024-11-05 basic/transports §HTTP with SSE): a GET stream
 * whose first event names the URL to which messages are POSTed. The configured headers are sent to the configured origin only.
 */
import { request, type Dispatcher } from 'undici';
import type { UpstreamTransport } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { bytesOf, SseDecoder, type SseEvent } from '../../protocol/sse.ts';
import { maxErrorBodyBytes } from '../http/limits.ts';
import type { BridgeLimits } from './limits.ts';
import { PacedOutput } from './paced-output.ts';
import type { RunningServer, ServerOwner } from './running-server.ts';

type SseTransport = Extract<UpstreamTransport, { kind: 'sse' }>;

export interface SseDeps {
  readonly limits: BridgeLimits;
  readonly dispatcher: Dispatcher;
}

/** Connects. A lost connection ends the server, because this transport cannot resume a stream. */
export function openSse(upstream: string, transport: SseTransport, owner: ServerOwner, deps: SseDeps): RunningServer {
  return new SseServer(upstream, transport, owner, deps);
}

class SseServer implements RunningServer {
  readonly label: { readonly upstream: string };
  readonly #url: URL;
  readonly #headers: string[];
  readonly #owner: ServerOwner;
  readonly #dispatcher: Dispatcher;
  readonly #endpoint = Promise.withResolvers<URL>();
  readonly #abort = new AbortController();
  readonly #patience: NodeJS.Timeout;
  readonly #limits: BridgeLimits;
  #output: PacedOutput | undefined;
  #paused = false;
  #over = false;

  constructor(upstream: string, transport: SseTransport, owner: ServerOwner, deps: SseDeps) {
    this.label = { upstream };
    this.#url = new URL(transport.url);
    this.#headers = transport.headers.flat();
    this.#owner = owner;
    this.#dispatcher = deps.dispatcher;
    this.#limits = deps.limits;
    // Marks the promise as handled: it may reject while nobody waits for it.
    this.#endpoint.promise.catch(() => {});
    this.#patience = setTimeout(
      () => this.#finish(new GatewayError('upstream_timeout', 'no endpoint event')),
      deps.limits.endpointWaitMs,
    );
    this.#connect().catch((cause: unknown) => this.#finish(faultOf(cause)));
  }

  async send(message: Buffer): Promise<void> {
    const endpoint = await this.#endpoint.promise;
    const answer = await request(endpoint, {
      method: 'POST',
      headers: [...this.#headers, 'content-type', 'application/json'],
      body: message,
      dispatcher: this.#dispatcher,
      signal: this.#abort.signal,
    }).catch((cause: unknown) => {
      throw faultOf(cause);
    });
    // Answers arrive on the stream. The body of the POST response is only "Accepted" or similar.
    await answer.body.dump({ limit: maxErrorBodyBytes }).catch(() => {});
    if (answer.statusCode < 200 || answer.statusCode > 299)
      throw new GatewayError('upstream_refused', `POST answered with ${answer.statusCode}`);
  }

  room(): undefined {
    return undefined;
  }

  pause(): void {
    this.#paused = true;
    this.#output?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#output?.resume();
  }

  stray(): void {
    this.#output?.spend(this.#limits.strayLineCost, 0);
  }

  async end(): Promise<void> {
    this.#finish(new GatewayError('upstream_interrupted', 'ended by the gateway'));
  }

  async #connect(): Promise<void> {
    const { statusCode, headers, body } = await request(this.#url, {
      method: 'GET',
      headers: [...this.#headers, 'accept', 'text/event-stream', 'cache-control', 'no-store'],
      dispatcher: this.#dispatcher,
      signal: this.#abort.signal,
      // Silence is not an error: this stream is idle whenever the server has nothing to send.
      bodyTimeout: 0,
    });
    const output = (this.#output = new PacedOutput(body, this.#limits));
    body.on('error', (cause) => this.#finish(faultOf(cause)));
    const type = String(headers['content-type'] ?? '');
    // A proxy, or the server during its own start, answers with 503.
    if (statusCode === 503) throw new GatewayError('upstream_starting', 'GET answered with 503');
    if (statusCode !== 200 || !type.toLowerCase().startsWith('text/event-stream'))
      throw new GatewayError('upstream_refused', `GET answered with ${statusCode} ${type}`);
    const decoder = new SseDecoder(
      (event) => this.#onEvent(event),
      () => {},
    );
    body.on('data', (chunk: Buffer) => {
      try {
        if (this.#over) return;
        decoder.feed(chunk);
        output.spend(linesIn(chunk), chunk.length);
      } catch (cause) {
        this.#finish(faultOf(cause));
      }
    });
    body.on('end', () => this.#finish(new GatewayError('upstream_interrupted', 'the stream ended')));
    if (this.#paused) output.pause();
  }

  #onEvent(event: SseEvent): void {
    if (this.#over) return;
    if (event.event === 'endpoint') {
      clearTimeout(this.#patience);
      const endpoint = URL.parse(event.data, this.#url.href);
      // Otherwise a server could redirect the gateway's credentials, and its users' messages, to another origin.
      if (endpoint?.origin !== this.#url.origin)
        this.#finish(new GatewayError('upstream_malformed', 'endpoint is of another origin'));
      else this.#endpoint.resolve(endpoint);
    } else if (event.data !== '' && (event.event ?? 'message') === 'message') {
      this.#owner.message(bytesOf(event));
    }
  }

  #finish(fault: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#patience);
    this.#endpoint.reject(fault);
    this.#abort.abort();
    this.#owner.ended(fault);
  }
}

const lineEnds = [0x0a, 0x0d] as const;

/** Blank lines, comments and fields all count as lines; a CRLF counts twice. */
function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (const end of lineEnds) for (let at = chunk.indexOf(end); at !== -1; at = chunk.indexOf(end, at + 1)) lines += 1;
  return lines;
}

function faultOf(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError('upstream_unreachable', cause instanceof Error ? cause.message : String(cause), { cause });
}
