/**
 * The answers of a server to `initialize` (2025-11-25 basic/lifecycle §Initialization), remembered so that the next client need
 * not wait for a process to start. Pure.
 */
import { rawOf, textOf } from '../../protocol/scan.ts';
import type { Message } from '../../protocol/envelope.ts';
import type { BridgeLimits } from './limits.ts';

/** An answer to `initialize`, as the server wrote it. */
export interface Greeting {
  /** The result as JSON text. */
  readonly result: string;
  /** The text before and after its `protocolVersion`, if it has one. */
  readonly around: readonly [before: string, after: string] | undefined;
  /** The revision that the server chose; empty if it named none. */
  readonly revision: string;
  /** Its capabilities as JSON text. */
  readonly capabilities: string;
}

/** Undefined for an error answer. */
export function readGreeting(answer: Message): Greeting | undefined {
  const { bytes, root } = answer;
  const result = root.member('result');
  if (result === undefined) return undefined;
  const version = result.member('protocolVersion');
  const capabilities = result.member('capabilities');
  const named = version?.kind === 'string' ? version : undefined;
  return {
    result: rawOf(bytes, result),
    around:
      named === undefined
        ? undefined
        : [bytes.toString('utf8', result.start, named.start), bytes.toString('utf8', named.end, result.end)],
    revision: named === undefined ? '' : textOf(bytes, named),
    capabilities: capabilities === undefined ? '' : rawOf(bytes, capabilities),
  };
}

/** The params of a client's `initialize` as JSON text, and the revision that it offers. */
export interface Offer {
  readonly params: string;
  readonly revision: string;
  /** As JSON text. */
  readonly clientInfo: string | undefined;
}

/** Reads the offer of an `initialize` request. */
export function readOffer(initialize: Message): Offer {
  const { bytes, params } = initialize;
  const version = params?.member('protocolVersion');
  const info = params?.member('clientInfo');
  return {
    params: params === undefined ? '{}' : rawOf(bytes, params),
    revision: version?.kind === 'string' ? textOf(bytes, version) : '',
    clientInfo: info === undefined ? undefined : rawOf(bytes, info),
  };
}

/** The answers of one upstream, keyed by the offer. The least recently used is forgotten first. */
export class Greetings {
  readonly #limits: Pick<BridgeLimits, 'maxGreetings' | 'maxGreetingChars'>;
  readonly #known = new Map<string, { readonly offer: Offer; readonly greeting: Greeting }>();

  constructor(limits: Pick<BridgeLimits, 'maxGreetings' | 'maxGreetingChars'>) {
    this.#limits = limits;
  }

  add(offer: Offer, greeting: Greeting): void {
    this.#known.delete(offer.params);
    if (offer.params.length + greeting.result.length > this.#limits.maxGreetingChars) return;
    this.#known.set(offer.params, { offer, greeting });
    if (this.#known.size <= this.#limits.maxGreetings) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  /** The server's answer to exactly this offer. */
  exact(offer: Offer): Greeting | undefined {
    const known = this.#known.get(offer.params);
    if (known === undefined) return undefined;
    this.#known.delete(offer.params);
    this.#known.set(offer.params, known);
    return known.greeting;
  }

  /**
   * A prediction of its answer, made from its answers to other clients. Servers usually give the same answer to clients with
   * different capabilities, and use the offered revision if they support it (§Version Negotiation). It must be compared with the
   * real answer.
   */
  likely(offer: Offer): Greeting | undefined {
    const all = [...this.#known.values()].reverse();
    const same = all.find((known) => known.offer.revision === offer.revision);
    if (same !== undefined) return same.greeting;
    const [latest] = all;
    if (latest?.greeting.around === undefined) return undefined;
    const { greeting } = latest;
    // Revisions are dates.
    if (offer.revision >= greeting.revision) return greeting;
    const [before, after] = latest.greeting.around;
    return { ...greeting, revision: offer.revision, result: before + JSON.stringify(offer.revision) + after };
  }

  /** The server no longer starts, so none of its answers is valid. */
  forget(): void {
    this.#known.clear();
  }
}
