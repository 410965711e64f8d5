/**
 * Watches resources for one subscription at an upstream with sessions. It has a session of its own, so that it gets no updates
 * for others. When the session ends, the upstream's subscriptions end too (2025-11-25 server/resources §Subscriptions).
 */
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage } from '../protocol/envelope.ts';
import { GatewayError } from '../errors.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from '../clients/client.ts';
import { subscribesAtOnce, subscribingMs, watchingMs } from '../transport/http/limits.ts';
import type { Caller } from '../transport/http/caller.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { StreamHost } from './host.ts';
import { noWatches, UpstreamListener, type Listened } from './upstream-listener.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/** A resource by the client's URI and by the upstream's. */
export interface Resource {
  readonly outward: string;
  readonly inward: string;
}

/** The subscription. */
export interface WatchingOwner {
  readonly client: Client;
  readonly host: StreamHost & { readonly opener: SessionOpener };
  readonly caller: Caller;
  readonly isFull: boolean;
  /** `body`: a `notifications/resources/updated`. */
  updated(body: Buffer): void;
}

export class WatchedSession implements Listened {
  readonly client: Client;
  readonly host: StreamHost;
  readonly caller: Caller;
  readonly #owner: WatchingOwner;
  readonly #upstream: Upstream;
  /** The resources that the upstream has accepted. */
  #resources: readonly Resource[];
  #session: UpstreamSession | undefined;
  #listener: UpstreamListener | undefined;
  /** A session was lost, so updates may be missing. */
  #hasMissed = false;
  #over = false;

  constructor(owner: WatchingOwner, upstream: Upstream, resources: readonly Resource[]) {
    this.client = owner.client;
    this.host = owner.host;
    this.caller = owner.caller;
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
      const session = await this.#open();
      // The stream is opened before the subscription, so that no update is missed in between.
      this.#listener = new UpstreamListener(this, session, noWatches, undefined);
      this.#listener.connect();
      await settledWithin(this.#listener.opened(), watchingMs);
      this.#resources = await this.#ask(session);
    } catch {
      this.#resources = [];
    }
    if (this.#resources.length === 0) this.stop();
    return this.#over ? [] : this.#resources;
  }

  /** Ends the session, and with it all its subscriptions. */
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

  async renew(): Promise<UpstreamSession> {
    const session = await this.#open();
    await this.#ask(session);
    this.#hasMissed = true;
    return session;
  }

  /** Changes during the loss are unknown, so every watched resource is reported as changed. */
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

  /** An upstream that offers no stream cannot send updates. */
  leave(): void {
    this.stop();
  }

  /** Throws `upstream_*` faults, also when there is no session to watch in. */
  async #open(): Promise<UpstreamSession> {
    const { revision, principalId } = this.client;
    const owner = { revision, clientCapabilities: 0, isShared: false, principalId };
    const session = await this.#owner.host.opener.open(this.#upstream, owner, 'late', this.caller);
    this.#session = session;
    const canWatch = session.keepsSession && session.has(serverCapability.resourcesSubscribe);
    if (this.#over || !canWatch) {
      this.#end();
      throw new GatewayError('upstream_refused', 'no session to watch resources in');
    }
    return session;
  }

  /** A few at a time, because all go to the same server. */
  async #ask(session: UpstreamSession): Promise<readonly Resource[]> {
    const untilMs = performance.now() + subscribingMs;
    const agreed: Resource[] = [];
    for (
      let at = 0;
      at < this.#resources.length && performance.now() < untilMs && !this.#over;
      at += subscribesAtOnce
    ) {
      const some = this.#resources.slice(at, at + subscribesAtOnce);
      const answers = await Promise.all(some.map(({ inward }) => this.#isAgreed(session, inward, untilMs)));
      agreed.push(...some.filter((_resource, place) => answers[place]));
    }
    return agreed;
  }

  async #isAgreed(session: UpstreamSession, uri: string, untilMs: number): Promise<boolean> {
    const leftMs = Math.max(1, Math.ceil(untilMs - performance.now()));
    const to = { session, caller: this.caller };
    try {
      const answer = await this.host.adapter.ask(to, 'resources/subscribe', JSON.stringify({ uri }), leftMs);
      return readServerMessage(answer).root.member('result') !== undefined;
    } catch {
      return false;
    }
  }

  #end(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) void this.host.adapter.end({ session, caller: this.caller });
  }
}

/** An update may name a sub-resource of the watched one. */
function isWithin(uri: string, watched: string): boolean {
  if (!uri.startsWith(watched)) return false;
  return uri.length === watched.length || watched.endsWith('/') || '/?#'.includes(uri[watched.length]!);
}
