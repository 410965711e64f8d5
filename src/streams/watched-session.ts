/**
 * Watches resources for one subscription at an upstream with sessions: in a session of its own, so that nobody else's resources
 * are told on it, and with its end all is over (2025-11-25 server/resources §Subscriptions; protocol.md D5, cell ML).
 */
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage } from '../protocol/envelope.ts';
import { GatewayError } from '../errors.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from '../clients/client.ts';
import { carrying, type RawHeaders } from '../transport/upstream/credentials.ts';
import { subscribesAtOnce, subscribingMs, watchingMs } from '../transport/http/limits.ts';
import { Listener, type Listened, type ListenerHost } from './upstream-listener.ts';
import { settled } from '../transport/http/settled-within.ts';
import type { Link } from '../transport/upstream/adapter.ts';
import type { LinkOpener } from '../transport/upstream/opener.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/** A resource as the client calls it, and as its upstream does. */
export interface Resource {
  readonly outward: string;
  readonly inward: string;
}

/** The subscription. */
export interface WatchingOwner {
  readonly client: Client;
  readonly host: ListenerHost & { readonly opener: LinkOpener };
  readonly rawHeaders: RawHeaders;
  readonly isFull: boolean;
  /** `body`: a `notifications/resources/updated`. */
  updated(body: Buffer): void;
}

export class WatchedSession implements Listened {
  readonly client: Client;
  readonly host: ListenerHost;
  readonly rawHeaders: RawHeaders;
  readonly #owner: WatchingOwner;
  readonly #upstream: Upstream;
  /** Those that the upstream has agreed to tell of. */
  #resources: readonly Resource[];
  #link: Link | undefined;
  #listener: Listener | undefined;
  /** A session was lost, and with it whatever has changed since. */
  #hasMissed = false;
  #over = false;

  constructor(owner: WatchingOwner, upstream: Upstream, resources: readonly Resource[]) {
    this.client = owner.client;
    this.host = owner.host;
    this.rawHeaders = owner.rawHeaders;
    this.#owner = owner;
    this.#upstream = upstream;
    this.#resources = resources;
  }

  get isFull(): boolean {
    return this.#owner.isFull;
  }

  /** Resolves with the resources that are watched from now on; with none it is over. Never rejects. */
  async begin(): Promise<readonly Resource[]> {
    try {
      const link = await this.#open();
      // First the ear, then the question: what changes in between would be told to nobody.
      this.#listener = new Listener(this, link, undefined);
      this.#listener.connect();
      await settled(this.#listener.opened(), watchingMs);
      this.#resources = await this.#ask(link);
    } catch {
      this.#resources = [];
    }
    if (this.#resources.length === 0) this.stop();
    return this.#over ? [] : this.#resources;
  }

  /** Ends the session, and with it all it watches. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener?.stop();
    this.#end();
  }

  pause(): void {
    this.#listener?.pause();
  }

  resume(): void {
    this.#listener?.resume();
  }

  async renew(): Promise<Link> {
    const link = await this.#open();
    await this.#ask(link);
    this.#hasMissed = true;
    return link;
  }

  /** What has changed while nobody listened cannot be known, so all of it is said to have. */
  opened(): void {
    if (!this.#hasMissed) return;
    this.#hasMissed = false;
    for (const { outward } of this.#resources) {
      const params = { uri: outward };
      this.#owner.updated(
        Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params })),
      );
    }
  }

  write(body: Buffer): void {
    const { method, params } = readServerMessage(body);
    const uri = params?.member('uri');
    if (method !== 'notifications/resources/updated' || uri?.kind !== 'string') return;
    const text = textOf(body, uri);
    if (this.#resources.some(({ outward }) => isWithin(text, outward))) this.#owner.updated(body);
  }

  prime(): void {}
  forget(): void {}

  /** An upstream without a stream has nothing to tell on. */
  leave(): void {
    this.stop();
  }

  /** Throws `upstream_*` faults, also when there is no session to watch in. */
  async #open(): Promise<Link> {
    const { revision } = this.client;
    const facts = { revision, clientCapabilities: 0, shared: false };
    const link = await this.#owner.host.opener.open(this.#upstream, facts, 'late', this.rawHeaders);
    this.#link = link;
    const canWatch = link.sessionId !== undefined && (link.capabilities & serverCapability.resourcesSubscribe) !== 0;
    if (this.#over || !canWatch) {
      this.#end();
      throw new GatewayError('upstream_refused', 'no session to watch resources in');
    }
    return link;
  }

  /** A few at a time, each session being one server's to answer for. */
  async #ask(link: Link): Promise<readonly Resource[]> {
    const untilMs = performance.now() + subscribingMs;
    const agreed: Resource[] = [];
    for (
      let at = 0;
      at < this.#resources.length && performance.now() < untilMs && !this.#over;
      at += subscribesAtOnce
    ) {
      const some = this.#resources.slice(at, at + subscribesAtOnce);
      const answers = await Promise.all(some.map(({ inward }) => this.#isAgreed(link, inward, untilMs)));
      agreed.push(...some.filter((_resource, place) => answers[place]));
    }
    return agreed;
  }

  async #isAgreed(link: Link, uri: string, untilMs: number): Promise<boolean> {
    const leftMs = Math.max(1, Math.ceil(untilMs - performance.now()));
    const asked = carrying(link, this.rawHeaders);
    try {
      const answer = await this.host.adapter.ask(asked, 'resources/subscribe', JSON.stringify({ uri }), leftMs);
      return readServerMessage(answer).root.member('result') !== undefined;
    } catch {
      return false;
    }
  }

  #end(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) void this.host.adapter.end(carrying(link, this.rawHeaders));
  }
}

/** An update may name what lies below the resource that is watched. */
function isWithin(uri: string, watched: string): boolean {
  if (!uri.startsWith(watched)) return false;
  return uri.length === watched.length || watched.endsWith('/') || '/?#'.includes(uri[watched.length]!);
}
