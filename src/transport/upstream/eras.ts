/**
 * Which era an upstream is spoken to in, decided here and nowhere else. A client is best served in its own era, which needs no
 * bridge, so that is tried first; an upstream that refuses it and answers in the other is taken to speak that one alone, until
 * the verdict grows old (protocol.md B5, "Upstream era probing").
 */
import { GatewayError } from '../../errors.ts';
import { isLegacyRevision } from '../../protocol/revisions.ts';
import type { AnswerSink, ClientFacts, Exchange, Link, Opened, UpstreamAdapter } from './adapter.ts';
import type { Upstream } from './upstream.ts';

/** How long an upstream is taken to speak one era alone before both are tried again, in ms. */
const verdictMs = 3_600_000;
/** Refusals, which may be those of a server that knows no `initialize`. Silence and 5xx are evidence of nothing. */
const refusals = new Set(['upstream_refused', 'upstream_session_lost', 'upstream_verb_refused', 'upstream_malformed']);

export class EraAdapter implements UpstreamAdapter {
  readonly #legacy: UpstreamAdapter;
  readonly #modern: UpstreamAdapter;
  readonly #now: () => number;
  /** Upstreams that have refused one era and speak the other. */
  readonly #verdicts = new WeakMap<Upstream, { readonly adapter: UpstreamAdapter; readonly until: number }>();

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

  /** The client's own era first: what both speak needs no bridge. A refusal in it leads to the other. */
  async #detect(upstream: Upstream, client: ClientFacts, deadlineMs: number): Promise<Opened> {
    const known = this.#verdicts.get(upstream);
    if (known !== undefined && known.until > this.#now()) return await known.adapter.open(upstream, client, deadlineMs);
    const isLegacy = isLegacyRevision(client.revision);
    const [first, second] = isLegacy ? [this.#legacy, this.#modern] : [this.#modern, this.#legacy];
    try {
      return await first.open(upstream, client, deadlineMs);
    } catch (refusal) {
      if (!(refusal instanceof GatewayError) || !refusals.has(refusal.code)) throw refusal;
      try {
        const opened = await second.open(upstream, client, deadlineMs);
        this.#verdicts.set(upstream, { adapter: second, until: this.#now() + verdictMs });
        return opened;
      } catch {
        // It speaks neither; the first refusal is the one that says why.
        throw refusal;
      }
    }
  }

  call(link: Link, body: Buffer, sink: AnswerSink, idleMs: number): Exchange {
    return this.#of(link).call(link, body, sink, idleMs);
  }

  ask(link: Link, method: string, params: string, deadlineMs: number): Promise<Buffer> {
    return this.#of(link).ask(link, method, params, deadlineMs);
  }

  post(link: Link, body: Buffer | string): Promise<void> {
    return this.#of(link).post(link, body);
  }

  listen(link: Link, lastEventId: string | undefined, sink: AnswerSink, idleMs?: number): Exchange {
    return this.#of(link).listen(link, lastEventId, sink, idleMs);
  }

  end(link: Link): Promise<void> {
    return this.#of(link).end(link);
  }

  #of(link: Link): UpstreamAdapter {
    return isLegacyRevision(link.revision) ? this.#legacy : this.#modern;
  }
}
