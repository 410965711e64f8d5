/**
 * Finds the client of a request: opens its session token, or takes the client for session-less callers of its principal. All faults
 * of a token give the same answer (docs/session-token.md §Opening). Only bounded caches of this replica are used, no store.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import {
  assumedRevision,
  hasRevisionHeader,
  headerRevision,
  isLegacyRevision,
  type LegacyRevision,
  modernRevision,
  newestLegacy,
  type Revision,
  supportedRevisions,
} from '../protocol/revisions.ts';
import { Denylist } from '../session/denylist.ts';
import type { Keyring } from '../session/keyring.ts';
import { OpenedSessions } from '../session/opened.ts';
import { principalSession } from '../session/principal-session.ts';
import { fitSession, newClaims, type OpenSession } from '../session/token.ts';
import {
  denylistOverflows,
  openedSessions,
  sealedSessions,
  sessionRejects,
  tokenBytes,
  tokenOverflows,
} from '../telemetry/metrics.ts';
import type { Head } from '../transport/http/accept.ts';
import { Client } from './client.ts';
import type { Who } from '../transport/downstream/incoming.ts';
import { legacyWording, modernWording, type Wording } from '../transport/downstream/wording.ts';
import { nobody, type Caller } from '../transport/http/caller.ts';
import { credentialsKey } from '../transport/upstream/credentials.ts';
import { sealedUpstreams, type ClientGreeting, type Opening } from './handshake.ts';
import type { Tell } from '../transport/peers/notice.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import type { Wishes } from './wishes.ts';

export interface RegistryParts {
  readonly keyring: Keyring;
  readonly route: Buffer;
  readonly sessions: 'optional' | 'required';
  readonly maxAgeSeconds: number;
  /** Sessions that were issued earlier are refused; Unix seconds, undefined: none are. */
  readonly notBefore: number | undefined;
  /** Version of the gateway. */
  readonly version: string;
  readonly upstreams: Upstreams;
  readonly opener: SessionOpener;
  /** See `ClientSurroundings`. */
  readonly onOpened: (client: Client, upstream: Upstream) => void;
  /** Called with the jti of a session that has ended: data that was kept only for it can be dropped. */
  readonly onEnded: (jti: string) => void;
  /** Ends the upstream sessions of a client that was evicted. */
  readonly retire: (client: Client, caller: Caller) => void;
  /** Sends a notice to the other replicas. */
  readonly tell: Tell;
  readonly wishes: Wishes;
  /** Unix seconds. */
  readonly nowSeconds: () => number;
}

/** Maximum number of cached clients of session-less principals. The least recently used is evicted. */
const maxSharedClients = 10_000;
/** Maximum number of clients in use that are skipped in the search for an idle one. */
const maxSpared = 1_000;
const daySeconds = 24 * 60 * 60;

export class ClientRegistry implements Who<Client> {
  readonly #parts: RegistryParts;
  readonly #opened = new OpenedSessions();
  readonly #denied = new Denylist();
  /** The client of an opened session, kept as long as its opened token is cached. */
  readonly #clients = new WeakMap<OpenSession, Client>();
  readonly #shared = new Map<string, Client>();
  readonly #wordings = new Map<Revision, Wording>();
  readonly #principals = new Map<string, { readonly day: number; readonly session: OpenSession }>();
  #sealedCount = 0;
  #openedCount = 0;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Tokens sealed and opened since the start, and principals without a session that are remembered. */
  get counts(): { readonly sealed: number; readonly opened: number; readonly sessionless: number } {
    return { sealed: this.#sealedCount, opened: this.#openedCount, sessionless: this.#shared.size };
  }

  /** Throws `session_missing`, `session_unreadable`, `revision_unsupported`, `revision_mismatch`. */
  ofSession(head: Head, caller: Caller): Client {
    const revision = head.revision === undefined ? undefined : headerRevision(head.revision);
    if (head.revision !== undefined && revision === undefined)
      throw new GatewayError('revision_unsupported', undefined, {
        about: `supported are ${supportedRevisions.join(', ')}`,
      });
    if (head.sessionToken === undefined) return this.#withoutSession(head, caller);
    const client = this.#withSession(head.sessionToken, caller);
    if (revision !== undefined && revision !== client.revision && hasRevisionHeader(client.revision))
      throw new GatewayError('revision_mismatch', head.revision);
    return client;
  }

  /** Creates a client and its token from the openings of `initialize`. */
  create(
    greeting: Pick<ClientGreeting, 'revision' | 'capabilities'>,
    openings: readonly Opening[],
    { principal }: Caller,
  ): string {
    const { keyring, route, maxAgeSeconds, nowSeconds } = this.#parts;
    const now = nowSeconds();
    const claims = newClaims(
      keyring,
      {
        principal,
        route,
        revision: greeting.revision,
        clientCapabilities: greeting.capabilities,
        upstreams: sealedUpstreams(openings),
        maxAgeSeconds,
      },
      randomBytes,
      now,
    );
    const fitted = fitSession(keyring, claims, randomBytes, now);
    if (fitted.dropped.length > 0) tokenOverflows.inc(fitted.dropped.length);
    sealedSessions.inc();
    this.#sealedCount += 1;
    tokenBytes.observe(fitted.text.length);
    return fitted.text;
  }

  /** The client that represents callers of 2026-07-28, which has no sessions. */
  stateless(caller: Caller, capabilities: number): Client {
    return this.shared(modernRevision, caller, capabilities);
  }

  /** Refuses the session's token from now on, here and at each replica that gets the notice. */
  end(client: Client, token: string): void {
    this.#opened.forget(token);
    const { jti, expiresAt } = client.session.claims;
    this.deny(jti, expiresAt);
    void this.#parts.tell({ kind: 'ended', jti: jti.toString('base64url'), expiresAt });
  }

  deny(jti: Buffer, expiresAt: number): void {
    const before = this.#denied.overflowed;
    this.#denied.add(jti, expiresAt, this.#parts.nowSeconds());
    this.#parts.wishes.forget(jti.toString('base64url'));
    this.#parts.onEnded(jti.toString('base64url'));
    denylistOverflows.inc(this.#denied.overflowed - before);
  }

  /**
   * The client that represents callers without a session; the gateway's own requests use one too. Callers with different forwarded
   * headers or declared capabilities (bits) never share one, as upstreams may treat them differently.
   */
  shared(revision: Revision, caller: Caller = nobody, capabilities = 0): Client {
    const session = this.#principalSession(isLegacyRevision(revision) ? revision : newestLegacy, caller);
    // The identity of the session changes with the day and the key, so the client changes too.
    const key = `${revision} ${capabilities} ${session.claims.jti.toString('latin1')}${credentialsKey(this.#parts.upstreams.configs, caller)}`;
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.isWanted = true;
      return known;
    }
    const client = new Client(session, caller.principalId, true, this.#wording(revision), this.#parts, {
      revision,
      capabilities,
    });
    this.#shared.set(key, client);
    this.#makeRoom();
    return client;
  }

  /** A client for the gateway itself, with a session of its own. The caller must end its upstream sessions. */
  observer(): Client {
    const token = this.create({ revision: newestLegacy, capabilities: 0 }, [], nobody);
    return this.#withSession(token, nobody);
  }

  /**
   * Eviction ends upstream sessions, so clients in use are evicted last: a client that invents headers must not end the calls of
   * others.
   */
  #makeRoom(): void {
    const { retire, nowSeconds } = this.#parts;
    let spared = 0;
    for (const [key, client] of this.#shared) {
      const isPast = client.session.claims.expiresAt < nowSeconds();
      if (!isPast && this.#shared.size <= maxSharedClients) return;
      this.#shared.delete(key);
      const isInUse = client.isWanted || client.inFlight.size > 0 || client.openStreams > 0;
      if (isPast || !isInUse || spared === maxSpared) {
        retire(client, nobody);
        continue;
      }
      spared += 1;
      client.isWanted = false;
      this.#shared.set(key, client);
    }
  }

  /** Created once per day, key and revision, because every request without a session needs it. */
  #principalSession(revision: LegacyRevision, { principal, principalId }: Caller): OpenSession {
    const { keyring, route, nowSeconds } = this.#parts;
    const now = nowSeconds();
    const day = Math.floor(now / daySeconds);
    const epoch = keyring.sealing(now);
    const key = `${revision} ${principalId}`;
    const known = this.#principals.get(key);
    if (known !== undefined && known.day === day && known.session.epoch === epoch) return known.session;
    const session = principalSession(keyring, principal, route, revision, now);
    // The oldest is evicted.
    if (this.#principals.size >= maxSharedClients)
      for (const oldest of this.#principals.keys()) {
        this.#principals.delete(oldest);
        break;
      }
    this.#principals.set(key, { day, session });
    return session;
  }

  #wording(revision: Revision): Wording {
    let wording = this.#wordings.get(revision);
    if (wording === undefined) {
      wording = isLegacyRevision(revision)
        ? legacyWording(revision)
        : modernWording(this.#parts.version, () => this.#parts.upstreams.only?.serverInfo);
      this.#wordings.set(revision, wording);
    }
    return wording;
  }

  #withoutSession({ revision }: Head, caller: Caller): Client {
    if (this.#parts.sessions === 'required') throw new GatewayError('session_missing');
    return this.shared(revision !== undefined && isLegacyRevision(revision) ? revision : assumedRevision, caller);
  }

  #withSession(token: string, { principal, principalId }: Caller): Client {
    const { keyring, route, maxAgeSeconds, notBefore, nowSeconds } = this.#parts;
    let session: OpenSession;
    try {
      session = this.#opened.open(keyring, token, { principal, route, maxAgeSeconds, notBefore }, nowSeconds());
      if (this.#denied.has(session.claims.jti)) throw new GatewayError('session_unreadable', 'ended');
    } catch (fault) {
      if (fault instanceof GatewayError) sessionRejects.inc({ reason: fault.detail ?? 'other' });
      throw fault;
    }
    let client = this.#clients.get(session);
    if (client === undefined) {
      client = new Client(session, principalId, false, this.#wording(session.claims.revision), this.#parts);
      this.#clients.set(session, client);
      openedSessions.inc();
      this.#openedCount += 1;
    }
    return client;
  }
}
