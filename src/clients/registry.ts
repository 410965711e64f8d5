/**
 * From the head of a request to its client: the session token is opened, or the principal's session-less client is taken. All
 * faults of a token are one fault (security.md §2.2); nothing is looked up anywhere but in this replica's bounded caches.
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
import type { Principal } from '../session/principal.ts';
import { principalSession } from '../session/principal-session.ts';
import { fitSession, newClaims, type OpenSession } from '../session/token.ts';
import { denylistOverflows, sessionRejects, tokenOverflows } from '../telemetry/metrics.ts';
import type { UpstreamConfig } from '../config/model.ts';
import type { Head } from '../transport/http/accept.ts';
import { Client } from './client.ts';
import { legacyWording, modernWording, type Wording } from '../transport/downstream/wording.ts';
import { forwardedKey, noHeaders, type RawHeaders } from '../transport/upstream/credentials.ts';
import { sealedUpstreams, type Greeting, type Opening } from './handshake.ts';
import type { Tell } from '../transport/peers/notice.ts';
import type { LinkOpener } from '../transport/upstream/opener.ts';
import type { Wishes } from './wishes.ts';

export interface ClientsOptions {
  readonly keyring: Keyring;
  readonly route: Buffer;
  readonly sessions: 'optional' | 'required';
  readonly maxAgeSeconds: number;
  /** The gateway's own. */
  readonly version: string;
  readonly upstreams: readonly UpstreamConfig[];
  readonly opener: LinkOpener;
  /** Ends the upstream sessions of a client that is no longer kept. */
  readonly retire: (client: Client) => void;
  /** Tells the other replicas of what only this one has heard. */
  readonly tell: Tell;
  readonly wishes: Wishes;
  /** Unix seconds. */
  readonly nowSeconds: () => number;
}

/** Principals without sessions that are kept ready; the one unused for longest gives way. */
const maxSharedClients = 10_000;
/** Of those in use, how many are passed over in the search for one that is not. */
const maxSpared = 1_000;
const daySeconds = 24 * 60 * 60;

export class Clients {
  readonly #options: ClientsOptions;
  readonly #opened = new OpenedSessions();
  readonly #denied = new Denylist();
  /** What this replica has learnt for a session lives as long as the session stays in the cache of opened tokens. */
  readonly #clients = new WeakMap<OpenSession, Client>();
  readonly #shared = new Map<string, Client>();
  readonly #wordings = new Map<Revision, Wording>();
  readonly #principals = new Map<LegacyRevision, { readonly day: number; readonly session: OpenSession }>();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Throws `session_missing`, `session_unreadable`, `revision_unsupported`, `revision_mismatch`. */
  of(head: Head): Client {
    const revision = head.revision === undefined ? undefined : headerRevision(head.revision);
    if (head.revision !== undefined && revision === undefined)
      throw new GatewayError('revision_unsupported', head.revision.slice(0, 32), {
        about: `supported are ${supportedRevisions.join(', ')}`,
      });
    if (head.sessionToken === undefined) return this.#withoutSession(head);
    const client = this.#withSession(head.sessionToken);
    if (revision !== undefined && revision !== client.revision && hasRevisionHeader(client.revision))
      throw new GatewayError('revision_mismatch', head.revision);
    return client;
  }

  /** The token of a new session of what `initialize` has opened. */
  create(greeting: Greeting, openings: readonly Opening[]): string {
    const { keyring, route, maxAgeSeconds, nowSeconds } = this.#options;
    const now = nowSeconds();
    const claims = newClaims(
      keyring,
      {
        principal: anonymous,
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
    return fitted.text;
  }

  /** The client that stands for callers of 2026-07-28, who have no sessions at all. */
  modern({ rawHeaders }: Head, capabilities: number): Client {
    return this.shared(modernRevision, rawHeaders, capabilities);
  }

  /** From now on the session's token is refused here, and wherever the news arrives. */
  end(client: Client): void {
    const { jti, expiresAt } = client.session.claims;
    this.deny(jti, expiresAt);
    void this.#options.tell({ kind: 'ended', jti: jti.toString('base64url'), expiresAt });
  }

  deny(jti: Buffer, expiresAt: number): void {
    const before = this.#denied.overflowed;
    this.#denied.add(jti, expiresAt, this.#options.nowSeconds());
    this.#options.wishes.forget(jti.toString('base64url'));
    denylistOverflows.inc(this.#denied.overflowed - before);
  }

  /**
   * The client that stands for callers without a session; also what the gateway itself looks through. Callers whose
   * forwarded headers or declared capabilities (bits) differ are different to the upstreams, so they never share one.
   */
  shared(revision: Revision, rawHeaders: RawHeaders = noHeaders, capabilities = 0): Client {
    const { opener, upstreams, wishes } = this.#options;
    const session = this.#principalSession(isLegacyRevision(revision) ? revision : newestLegacy);
    // The identity of the session changes with the day and the key, and the client with it.
    const key = `${revision} ${capabilities} ${session.claims.jti.toString('latin1')}${forwardedKey(upstreams, rawHeaders)}`;
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.isWanted = true;
      return known;
    }
    const client = new Client(session, true, opener, this.#wording(revision), wishes, { revision, capabilities });
    this.#shared.set(key, client);
    this.#makeRoom();
    return client;
  }

  /** The sessions of whoever gives way are ended, so those in use come last: made-up headers must not end the calls of others. */
  #makeRoom(): void {
    const { retire, nowSeconds } = this.#options;
    let spared = 0;
    for (const [key, client] of this.#shared) {
      const isPast = client.session.claims.expiresAt < nowSeconds();
      if (!isPast && this.#shared.size <= maxSharedClients) return;
      this.#shared.delete(key);
      const isInUse = client.isWanted || client.inFlight.size > 0 || client.getStreams > 0;
      if (isPast || !isInUse || spared === maxSpared) {
        retire(client);
        continue;
      }
      spared += 1;
      client.isWanted = false;
      this.#shared.set(key, client);
    }
  }

  /** Made once a day and key for each revision: every request without a session asks for it. */
  #principalSession(revision: LegacyRevision): OpenSession {
    const { keyring, route, nowSeconds } = this.#options;
    const now = nowSeconds();
    const day = Math.floor(now / daySeconds);
    const epoch = keyring.sealing(now);
    const known = this.#principals.get(revision);
    if (known !== undefined && known.day === day && known.session.epoch === epoch) return known.session;
    const session = principalSession(keyring, anonymous, route, revision, now);
    this.#principals.set(revision, { day, session });
    return session;
  }

  #wording(revision: Revision): Wording {
    let wording = this.#wordings.get(revision);
    if (wording === undefined) {
      wording = isLegacyRevision(revision) ? legacyWording(revision) : modernWording(this.#options.version);
      this.#wordings.set(revision, wording);
    }
    return wording;
  }

  #withoutSession({ revision, rawHeaders }: Head): Client {
    if (this.#options.sessions === 'required') throw new GatewayError('session_missing');
    return this.shared(revision !== undefined && isLegacyRevision(revision) ? revision : assumedRevision, rawHeaders);
  }

  #withSession(token: string): Client {
    const { keyring, route, opener, wishes, nowSeconds } = this.#options;
    let session: OpenSession;
    try {
      session = this.#opened.open(keyring, token, { principal: anonymous, route }, nowSeconds());
      if (this.#denied.has(session.claims.jti)) throw new GatewayError('session_unreadable', 'ended');
    } catch (fault) {
      if (fault instanceof GatewayError) sessionRejects.inc({ reason: fault.detail ?? 'other' });
      throw fault;
    }
    let client = this.#clients.get(session);
    if (client === undefined) {
      client = new Client(session, false, opener, this.#wording(session.claims.revision), wishes);
      this.#clients.set(session, client);
    }
    return client;
  }
}

/** Until a route asks for access tokens, every caller is the same principal. */
const anonymous: Principal = 'anonymous';
