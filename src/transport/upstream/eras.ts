/**
 * Which era an upstream is spoken to in, decided here and nowhere else. A client is best served in its own era, which needs no
 * bridge, so that is tried first; an upstream that refuses it and answers in the other is taken to speak that one alone, until
 * the verdict grows old (2026-07-28 basic/versioning). Silence and faults of a server are no evidence: the other era
 * is tried all the same, and nothing is concluded from it. An upstream that has proved to be modern is never taken for an older one
 * because it fails.
 */
import { GatewayError, type ErrorCode } from '../../errors.ts';
import { isLegacyRevision } from '../../protocol/revisions.ts';
import { nobody, type Caller } from '../http/caller.ts';
import type { AnswerSink, ClientFacts, Exchange, ListenFor, Opened, UpstreamAdapter } from './adapter.ts';
import { UpstreamSession, type Outbound } from './session.ts';
import { RevisionRefused } from './revision-refused.ts';
import type { Upstream } from './upstream.ts';

/** How long an upstream is taken to speak one era alone before both are tried again, in ms. */
const verdictMs = 3_600_000;
/** Part of the deadline that the client's own era has to itself; an upstream that is silent until then is tried in the other as well. */
const aloneShare = 0.5;

/** Refusals, which may be those of a server that does not know the era's first message. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_refused',
  'upstream_headers_refused',
  'upstream_revision_refused',
  'upstream_session_lost',
  'upstream_verb_refused',
  'upstream_malformed',
]);
/** What says nothing of the era. A 401 or 403 neither, and it would be the same in both. */
const silences: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_timeout',
  'upstream_unreachable',
  'upstream_interrupted',
]);

export class EraAdapter implements UpstreamAdapter {
  readonly #legacy: UpstreamAdapter;
  readonly #modern: UpstreamAdapter;
  readonly #now: () => number;
  /** Upstreams that have refused one era and speak the other. */
  readonly #verdicts = new WeakMap<Upstream, { readonly adapter: UpstreamAdapter; readonly until: number }>();
  /** Upstreams that have answered as one of 2026-07-28. */
  readonly #proven = new WeakSet<Upstream>();

  /** `now` in ms. */
  constructor(legacy: UpstreamAdapter, modern: UpstreamAdapter, now: () => number) {
    this.#legacy = legacy;
    this.#modern = modern;
    this.#now = now;
  }

  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    switch (upstream.config.era) {
      case 'legacy':
        return await this.#legacy.open(upstream, client, deadlineMs);
      case 'modern':
        return await this.#modern.open(upstream, client, deadlineMs);
      case 'auto':
        return await this.#detect(upstream, client, deadlineMs);
    }
  }

  async #detect(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const startedMs = this.#now();
    const open = (adapter: UpstreamAdapter): Promise<Opened> =>
      this.#open(adapter, upstream, client, Math.max(deadlineMs - (this.#now() - startedMs), 1));
    const known = this.#verdicts.get(upstream);
    const isKnown = known !== undefined && known.until > startedMs;
    const isLegacy = isLegacyRevision(client.revision);
    const first = isKnown ? known.adapter : isLegacy ? this.#legacy : this.#modern;
    const second = first === this.#legacy ? this.#modern : this.#legacy;
    const attempt = open(first);
    const mayBeOther = second === this.#modern || (!isKnown && !this.#proven.has(upstream));
    const mayTurn = !isKnown && mayBeOther;
    const fault = mayTurn ? await faultWithin(attempt, deadlineMs * aloneShare) : await faultOf(attempt);
    if (fault === undefined) return await attempt;
    if (fault === 'silent') return await this.#firstOf(upstream, attempt, open(second));
    const isRefusal = refusals.has(fault.code);
    // The server's own word that it speaks the revisions with sessions is no failure.
    const isReferred = fault instanceof RevisionRefused && fault.speaksLegacy;
    // A refusal speaks against a verdict that the upstream is an older one: it may have been replaced since.
    const turns = isReferred || (isRefusal ? mayBeOther : mayTurn && silences.has(fault.code));
    if (!turns) throw fault;
    try {
      const opened = await open(second);
      if (isRefusal) this.#verdicts.set(upstream, { adapter: second, until: this.#now() + verdictMs });
      return opened;
    } catch {
      // It speaks neither; the first fault is the one that says why.
      throw fault;
    }
  }

  async #open(adapter: UpstreamAdapter, upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const opened = await adapter.open(upstream, client, deadlineMs);
    if (adapter === this.#modern) this.#proven.add(upstream);
    return opened;
  }

  /** The one that opens first; what the other still opens is ended. Throws the fault of the first attempt when neither does. */
  async #firstOf(upstream: Upstream, first: Promise<Opened>, second: Promise<Opened>): Promise<Opened> {
    try {
      const opened = await Promise.any([first, second]);
      for (const attempt of [first, second]) {
        attempt.then(
          (late) =>
            late !== opened && void this.end({ session: new UpstreamSession(upstream, late, false), caller: nobody }),
          () => {},
        );
      }
      return opened;
    } catch {
      return await first;
    }
  }

  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#of(to.session).call(to, body, sink, idleMs);
  }

  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    return this.#of(to.session).ask(to, method, params, deadlineMs);
  }

  post(to: Outbound, body: Buffer | string): Promise<void> {
    return this.#of(to.session).post(to, body);
  }

  listen(to: Outbound, lastEventId: string | undefined, sink: AnswerSink, wants?: ListenFor): Exchange {
    return this.#of(to.session).listen(to, lastEventId, sink, wants);
  }

  end(to: { readonly session: UpstreamSession; readonly caller: Caller }): Promise<void> {
    return this.#of(to.session).end(to);
  }

  #of({ revision }: UpstreamSession): UpstreamAdapter {
    return isLegacyRevision(revision) ? this.#legacy : this.#modern;
  }
}

async function faultOf(attempt: Promise<Opened>): Promise<GatewayError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (fault) {
    if (fault instanceof GatewayError) return fault;
    throw fault;
  }
}

async function faultWithin(attempt: Promise<Opened>, ms: number): Promise<GatewayError | 'silent' | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(resolve, ms, 'silent');
  });
  try {
    return await Promise.race([faultOf(attempt), silence]);
  } finally {
    clearTimeout(timer);
  }
}
