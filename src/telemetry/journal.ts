/** What is counted and logged of requests, in one place: nothing of their content, and no label that a peer could invent. */
import { GatewayError, type ErrorCode } from '../errors.ts';
import { methodLabel } from '../protocol/methods.ts';
import type { Log } from './log.ts';
import { countRequest, countUpstreamCall, droppedMessages, timeRequest, type DropReason } from './metrics.ts';

export class Journal {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The gateway answered by itself. */
  answered(name: string, startedMs: number): void {
    const ms = performance.now() - startedMs;
    const method = methodLabel(name);
    countRequest(method, 'ok');
    timeRequest(method, ms);
    this.#log.info({ method, ms: Math.round(ms) }, 'request');
  }

  /** An upstream has finished its part of a call, with `fault` where it failed; `session` names the client's session in the log. */
  called(
    name: string,
    upstream: string,
    outcome: 'ok' | 'error' | ErrorCode,
    startedMs: number,
    session: string,
    fault?: GatewayError,
  ): void {
    const ms = performance.now() - startedMs;
    const method = methodLabel(name);
    countUpstreamCall(upstream, outcome);
    countRequest(method, outcome);
    timeRequest(method, ms);
    this.#log.info({ method, upstream, outcome, ms: Math.round(ms), session, ...reasonOf(fault) }, 'call');
  }

  /** A request was answered with a fault before it reached an upstream; `name` undefined: before its method was known. */
  refused(name: string | undefined, fault: unknown): void {
    const method = name === undefined ? 'none' : methodLabel(name);
    const known = fault instanceof GatewayError ? fault : undefined;
    countRequest(method, known?.code ?? 'internal');
    if (known !== undefined && known.code !== 'internal')
      this.#log.info({ method, code: known.code, detail: known.detail?.slice(0, maxReasonChars) }, 'refused');
    else this.#log.error({ method, err: fault }, 'internal fault');
  }

  /** A message of a server was dropped. */
  messageDropped(reason: DropReason, upstream: string, fault?: unknown): void {
    droppedMessages.inc({ reason, upstream });
    this.#log.debug(
      { upstream, reason, ...(fault instanceof Error ? { fault: fault.message } : {}) },
      'message dropped',
    );
  }

  /** A failure that no caller waits for. */
  dropped(what: string, upstream: string | undefined, fault: unknown): void {
    this.#log.debug({ upstream, fault: String(fault) }, what);
  }
}

/** What is said of a fault, and of the fault behind it, at most. */
const maxReasonChars = 200;

/**
 * Why a call failed, in the gateway's own words. The texts of other errors may repeat what a peer has sent, as those of `JSON.parse` do,
 * so only their names are told.
 */
function reasonOf(fault: GatewayError | undefined): { readonly reason?: string } {
  if (fault === undefined) return {};
  const { cause } = fault;
  const behind = cause instanceof GatewayError ? cause.message : cause instanceof Error ? nameOf(cause) : undefined;
  const own = cause instanceof Error && fault.detail === String(cause) ? undefined : fault.detail;
  const words = [...new Set([own, behind])].filter((each) => each !== undefined);
  return words.length === 0 ? {} : { reason: words.join(': ').slice(0, maxReasonChars) };
}

/** `ECONNREFUSED` says more than `Error`. */
function nameOf(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.name;
}
