/**
 * One connection to a server of the deprecated HTTP+SSE transport (2024-11-05 transports §HTTP with SSE): a GET stream whose
 * first event names where messages are POSTed. The config's headers go to the configured origin and nowhere else.
 */
import { request, type Dispatcher } from 'undici';
import type { UpstreamTransport } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { SseDecoder, type SseEvent } from '../../protocol/sse.ts';
import { maxErrorBodyBytes } from '../http/limits.ts';
import type { BridgeLimits } from './limits.ts';
import type { Peer, PeerOwner } from './running-server.ts';

type SseTransport = Extract<UpstreamTransport, { kind: 'sse' }>;
type Body = Dispatcher.ResponseData['body'];

export interface SseDeps {
  readonly limits: BridgeLimits;
  readonly dispatcher: Dispatcher;
}

/** Connects. A lost connection ends the peer: this transport can resume nothing. */
export function openSse(upstream: string, transport: SseTransport, owner: PeerOwner, deps: SseDeps): Peer {
  return new SsePeer(upstream, transport, owner, deps);
}

class SsePeer implements Peer {
  readonly label: { readonly upstream: string };
  readonly #url: URL;
  readonly #headers: string[];
  readonly #owner: PeerOwner;
  readonly #dispatcher: Dispatcher;
  readonly #endpoint = Promise.withResolvers<URL>();
  readonly #abort = new AbortController();
  readonly #patience: NodeJS.Timeout;
  #body: Body | undefined;
  #paused = false;
  #over = false;

  constructor(upstream: string, transport: SseTransport, owner: PeerOwner, deps: SseDeps) {
    this.label = { upstream };
    this.#url = new URL(transport.url);
    this.#headers = transport.headers.flat();
    this.#owner = owner;
    this.#dispatcher = deps.dispatcher;
    // Rejected also while nobody waits for it.
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
    // Answers come on the stream; what the POST itself brings is "Accepted" or the like.
    await answer.body.dump({ limit: maxErrorBodyBytes }).catch(() => {});
    if (answer.statusCode < 200 || answer.statusCode > 299)
      throw new GatewayError('upstream_refused', `POST answered with ${answer.statusCode}`);
  }

  room(): undefined {
    return undefined;
  }

  pause(): void {
    this.#paused = true;
    this.#body?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#body?.resume();
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
      // Silence is no fault: this stream is idle whenever the server has nothing to say.
      bodyTimeout: 0,
    });
    this.#body = body;
    body.on('error', (cause) => this.#finish(faultOf(cause)));
    const type = String(headers['content-type'] ?? '');
    if (statusCode !== 200 || !type.toLowerCase().startsWith('text/event-stream'))
      throw new GatewayError('upstream_refused', `GET answered with ${statusCode} ${type}`);
    const decoder = new SseDecoder(
      (event) => this.#onEvent(event),
      () => {},
    );
    body.on('data', (chunk: Buffer) => {
      try {
        if (!this.#over) decoder.feed(chunk);
      } catch (cause) {
        this.#finish(faultOf(cause));
      }
    });
    body.on('end', () => this.#finish(new GatewayError('upstream_interrupted', 'the stream ended')));
    if (this.#paused) body.pause();
  }

  #onEvent(event: SseEvent): void {
    if (this.#over) return;
    if (event.event === 'endpoint') {
      clearTimeout(this.#patience);
      const endpoint = URL.parse(event.data, this.#url.href);
      // Otherwise a server could make the gateway carry its credentials, and its users' messages, to any other place.
      if (endpoint?.origin !== this.#url.origin)
        this.#finish(new GatewayError('upstream_malformed', 'endpoint is of another origin'));
      else this.#endpoint.resolve(endpoint);
    } else if (event.data !== '' && (event.event ?? 'message') === 'message') {
      this.#owner.message(Buffer.from(event.data));
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

function faultOf(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError('upstream_unreachable', cause instanceof Error ? cause.message : String(cause), { cause });
}
