/**
 * Decides in which era an upstream is called. The client's own era is tried first, as it needs no translation. An upstream that
 * refuses it and answers in the other era is treated as speaking only that one, until the verdict expires (2026-07-28
 * basic/versioning). Silence and server faults are no evidence: the other era is tried, but nothing is remembered. An upstream
 * that has proved to be modern is never treated as an older one because of a failure.
 */
import { GatewayError, type ErrorCode } from '../../errors.ts';
import { isLegacyRevision } from '../../protocol/revisions.ts';
import { traced, tracing } from '../../telemetry/traces.ts';
import { nobody, type Caller } from '../http/caller.ts';
import { withDeadline } from '../http/deadline.ts';
import type { AnswerSink, ClientFacts, Exchange, ListenFor, Opened, UpstreamAdapter } from './adapter.ts';
import { UpstreamSession, type Outbound } from './session.ts';
import { RevisionRefused } from './revision-refused.ts';
import type { Upstream } from './upstream.ts';

/** How long the verdict that an upstream supports only one era is valid, in ms. */
const verdictMs = 3_600_000;
/** Fraction of the deadline for the client's own era alone; after that a silent upstream is tried in the other era too. */
const aloneShare = 0.5;

/**
 * Fraction of the deadline in which a URL that may be one of the deprecated transport has to be answered in the other. Some such
 * servers answer a POST as they answer a GET: with a stream that never holds an answer.
 */
const plainShare = 0.7;

/** Faults that may come from a server that does not know the era's first message. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_refused',
  'upstream_headers_refused',
  'upstream_revision_refused',
  'upstream_session_lost',
  'upstream_verb_refused',
  'upstream_malformed',
]);
/** Faults that say nothing about the era, so the other is tried. After 401 and 403 it is not: it would answer the same. */
const silences: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_timeout',
  'upstream_unreachable',
  'upstream_interrupted',
]);

export class EraAdapter implements UpstreamAdapter {
  readonly #legacy: UpstreamAdapter;
  readonly #modern: UpstreamAdapter;
  readonly #now: () => number;
  /** Upstreams that refused one era and speak the other. */
  readonly #verdicts = new WeakMap<Upstream, { readonly adapter: UpstreamAdapter; readonly until: number }>();
  /** Upstreams that have answered in 2026-07-28. */
  readonly #proven = new WeakSet<Upstream>();

  /** `now` in ms. */
  constructor(legacy: UpstreamAdapter, modern: UpstreamAdapter, now: () => number) {
    this.#legacy = legacy;
    this.#modern = modern;
    this.#now = now;
  }

  /**
   * Where the first message is refused and the URL may be one of the deprecated transport, that is tried (2025-11-25 basic/transports
   * §Backwards Compatibility), as where nothing comes of it; and the other way round once it has been found. Whichever answers is
   * remembered.
   */
  async open(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    if (!upstream.hasOther) return await this.#openHere(upstream, client, deadlineMs);
    const startedMs = this.#now();
    const first = upstream.place;
    try {
      // Once it has been found there is nothing to be tried in time.
      const alone = first.bridged ? deadlineMs : deadlineMs * plainShare;
      return noted(
        upstream,
        await withDeadline(this.#openHere(upstream, client, alone), alone, (late) => this.#endLate(upstream, late)),
      );
    } catch (fault) {
      const isSilent = fault instanceof GatewayError && fault.code === 'upstream_timeout' && !first.bridged;
      if (!(isSilent || (fault instanceof GatewayError && refusals.has(fault.code)))) throw fault;
      // Another client may have switched meanwhile.
      if (upstream.place === first) upstream.turn();
      const second = upstream.place;
      try {
        const leftMs = Math.max(deadlineMs - (this.#now() - startedMs), 1);
        return noted(upstream, await this.#openHere(upstream, client, leftMs));
      } catch (other) {
        // It has answered, and may need more time.
        if (other instanceof GatewayError && other.code === 'upstream_starting') throw other;
        if (upstream.place === second) upstream.turn();
        // The first fault belongs to the configured transport.
        throw fault;
      }
    }
  }

  async #openHere(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    switch (upstream.config.era) {
      case 'legacy':
        return await this.#open(this.#legacy, upstream, client, deadlineMs);
      case 'modern':
        return await this.#open(this.#modern, upstream, client, deadlineMs);
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
    // A server that names revisions with sessions has not failed.
    const isReferred = fault instanceof RevisionRefused && fault.speaksLegacy;
    // A refusal contradicts the verdict "session era": the upstream may have been replaced since.
    const turns = isReferred || (isRefusal ? mayBeOther : mayTurn && silences.has(fault.code));
    if (!turns) throw fault;
    try {
      const opened = await open(second);
      if (isRefusal) this.#verdicts.set(upstream, { adapter: second, until: this.#now() + verdictMs });
      return opened;
    } catch {
      // It supports neither; the first fault gives the reason.
      throw fault;
    }
  }

  async #open(adapter: UpstreamAdapter, upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const isModern = adapter === this.#modern;
    const opened =
      tracing === undefined
        ? await adapter.open(upstream, client, deadlineMs)
        : await traced(
            {
              caller: client.caller,
              method: isModern ? 'server/discover' : 'initialize',
              upstream: upstream.config.id,
            },
            (carried) => adapter.open(upstream, { ...client, trace: carried?.headers }, deadlineMs),
          );
    if (isModern) this.#proven.add(upstream);
    return opened;
  }

  /** The session that opens first; the other is ended if it opens later. Throws the fault of the first attempt when neither opens. */
  async #firstOf(upstream: Upstream, first: Promise<Opened>, second: Promise<Opened>): Promise<Opened> {
    try {
      const opened = await Promise.any([first, second]);
      for (const attempt of [first, second]) {
        attempt.then(
          (late) => late !== opened && this.#endLate(upstream, late),
          () => {},
        );
      }
      return opened;
    } catch {
      return await first;
    }
  }

  /** Nobody has waited for it. */
  #endLate(upstream: Upstream, late: Opened): void {
    void this.end({ session: new UpstreamSession(upstream, late, false), caller: nobody });
  }

  call(to: Outbound, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#of(to.session).call(to, body, sink, idleMs);
  }

  ask(to: Outbound, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    const adapter = this.#of(to.session);
    if (tracing === undefined) return adapter.ask(to, method, params, deadlineMs);
    return traced({ caller: to.caller, method, upstream: to.session.upstream.config.id }, (carried) =>
      adapter.ask({ ...to, trace: carried?.headers }, method, params, deadlineMs),
    );
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

function noted(upstream: Upstream, opened: Opened): Opened {
  if (upstream.bridged) upstream.tolerated.note('deprecated_transport');
  return opened;
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
