/**
 * What is counted, logged and traced of requests, in one place: nothing of their content, and no label that a peer could invent. The
 * access log is one line a request.
 */
import { createHash } from 'node:crypto';
import { catalogue, GatewayError, type ErrorCode } from '../errors.ts';
import { methodLabel } from '../protocol/methods.ts';
import type { CallMeter } from './call-meter.ts';
import type { Log } from './log.ts';
import { countRequest, droppedMessages, timeRequest, type DropReason } from './metrics.ts';
import type { Carried, Noted, RequestTrace } from './noted.ts';
import { tracing } from './traces.ts';

/** The part of a call that its upstream had. */
export interface Passed {
  readonly upstream: string;
  /** The upstream's own name of it; undefined where no tool is called. */
  readonly tool: string | undefined;
  /** When it was sent first, in ms of `performance.now()`; 0 if it never was. */
  readonly sentMs: number;
  /** Of the messages that its client was sent. */
  readonly answerBytes: number;
}

/** Hashes of principals that are remembered. */
const maxPrincipals = 1024;

export class Journal {
  readonly #log: Log;
  readonly #route: string;
  readonly #meter: CallMeter;
  readonly #namesPrincipals: boolean;
  /** Of requests that are under way; empty without tracing. */
  readonly #traces = new WeakMap<object, RequestTrace>();
  readonly #principals = new Map<string, string>();

  /** `namesPrincipals`: the log has the subject of whoever calls, and not a hash. */
  constructor(log: Log, route: string, meter: CallMeter, namesPrincipals = false) {
    this.#namesPrincipals = namesPrincipals;
    this.#log = log;
    this.#route = route;
    this.#meter = meter;
  }

  /** The gateway answered by itself, with `body`. */
  answered(noted: Noted, body: Buffer | string = ''): void {
    const ms = performance.now() - noted.startedMs;
    const method = methodLabel(noted.message.method);
    countRequest(method, 'ok');
    timeRequest(method, ms);
    const trace = this.#ended(noted, 'ok');
    const answerBytes = Buffer.byteLength(body);
    this.#log.info({ method, ...this.#about(noted, trace), outcome: 'ok', ms: Math.round(ms), answerBytes }, 'request');
  }

  /** An upstream has finished its part of a call, with `fault` where it failed. */
  called(
    noted: Noted,
    { upstream, tool, sentMs, answerBytes }: Passed,
    outcome: 'ok' | 'error' | ErrorCode,
    fault?: GatewayError,
  ): void {
    const nowMs = performance.now();
    const ms = nowMs - noted.startedMs;
    const own = sentMs === 0 ? ms : Math.max(0, sentMs - noted.startedMs);
    const method = methodLabel(noted.message.method);
    this.#meter.called(upstream, method, tool, outcome, own, ms, noted.received.length, answerBytes);
    const trace = this.#ended(noted, outcome);
    // One literal, without spreads: what is undefined is not in the line.
    this.#log.info(
      {
        method,
        upstream,
        tool: tool === undefined ? undefined : shown(tool),
        outcome,
        reason: reasonOf(outcome, fault),
        ms: Math.round(ms),
        upstreamMs: Math.round(ms - own),
        answerBytes,
        route: this.#route,
        bytes: noted.received.length,
        session: noted.client?.label,
        principal: this.#principal(noted.caller),
        trace: trace?.traceId,
      },
      'call',
    );
  }

  /** A request was answered with a fault before it reached an upstream; `noted` undefined: before its message was known. */
  refused(noted: Noted | undefined, fault: unknown): void {
    const method = noted === undefined ? 'none' : methodLabel(noted.message.method);
    const known = fault instanceof GatewayError ? fault : undefined;
    const code = known?.code ?? 'internal';
    countRequest(method, code);
    const about = noted === undefined ? { route: this.#route } : this.#about(noted, this.#ended(noted, code));
    if (known !== undefined && known.code !== 'internal')
      this.#log.info({ method, ...about, code: known.code, detail: known.detail?.slice(0, maxReasonChars) }, 'refused');
    else this.#log.error({ method, ...about, err: fault }, 'internal fault');
  }

  /** Its trace begins, if there is one; once more where it is known by then which tool or prompt it is about. */
  begun(noted: Noted, named: string | undefined): void {
    const known = this.#traces.get(noted);
    if (known !== undefined) known.named(named);
    else if (tracing !== undefined) this.#traces.set(noted, tracing.begin(noted, this.#route, named));
  }

  /** An upstream is sent the call, for the first time or again. What it is told of the trace, if there is one. */
  sent(noted: Noted, upstream: string, tool: string | undefined): Carried | undefined {
    return this.#traces.get(noted)?.sent(upstream, tool);
  }

  /** Something befell a call, such as `mcp.session.healed`. */
  befell(noted: Noted, event: string): void {
    if (tracing !== undefined) this.#traces.get(noted)?.event(event);
  }

  /** Another replica has it. */
  hopped(noted: Noted): void {
    this.befell(noted, 'manifold.hop');
    this.#ended(noted, 'ok');
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

  #ended(noted: Noted, outcome: 'ok' | 'error' | ErrorCode): RequestTrace | undefined {
    if (tracing === undefined) return undefined;
    const trace = this.#traces.get(noted) ?? tracing.begin(noted, this.#route, undefined);
    trace.end(outcome, outcome === 'ok' || outcome === 'error' ? undefined : catalogue[outcome].message);
    this.#traces.delete(noted);
    return trace;
  }

  /** The fields that every line of a request has. */
  #about({ received, client, caller }: Noted, trace: RequestTrace | undefined): object {
    return {
      route: this.#route,
      bytes: received.length,
      session: client?.label,
      principal: this.#principal(caller),
      trace: trace?.traceId,
    };
  }

  #principal({ principalId: id, principal }: Noted['caller']): string | undefined {
    if (id === '') return undefined;
    if (this.#namesPrincipals && principal !== 'anonymous') return shown(principal.sub);
    let found = this.#principals.get(id);
    if (found === undefined) {
      if (this.#principals.size >= maxPrincipals) this.#principals.clear();
      found = createHash('sha256').update(id).digest('hex').slice(0, 12);
      this.#principals.set(id, found);
    }
    return found;
  }
}

/** A name that a client, or an issuer, may have made up. */
function shown(name: string): string {
  return name.length <= 128 ? name : `${name.slice(0, 127)}…`;
}

/** What is said of a fault, and of the fault behind it, at most. */
const maxReasonChars = 200;

/**
 * Why a call failed, in the gateway's own words. The texts of other errors may repeat what a peer has sent, as those of `JSON.parse` do,
 * so only their names are told.
 */
function reasonOf(outcome: 'ok' | 'error' | ErrorCode, fault: GatewayError | undefined): string | undefined {
  if (outcome === 'ok' || outcome === 'error') return undefined;
  if (fault === undefined) return catalogue[outcome].message;
  const { cause } = fault;
  const behind = cause instanceof GatewayError ? cause.message : cause instanceof Error ? nameOf(cause) : undefined;
  const own = cause instanceof Error && fault.detail === String(cause) ? undefined : fault.detail;
  const words = [...new Set([own, behind])].filter((each) => each !== undefined);
  return words.length === 0 ? catalogue[outcome].message : words.join(': ').slice(0, maxReasonChars);
}

/** `ECONNREFUSED` says more than `Error`. */
function nameOf(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.name;
}
