/**
 * Metrics, logs and traces of requests, in one place. They contain no message content, and no label value that a peer could
 * choose. The access log has one line per request.
 */
import { createHash } from 'node:crypto';
import { catalogue, GatewayError, type ErrorCode } from '../errors.ts';
import { methodLabel } from '../protocol/methods.ts';
import type { CallMeter } from './call-meter.ts';
import type { Log } from './log.ts';
import { countRequest, droppedMessages, timeRequest, type DropReason } from './metrics.ts';
import type { Carried, Noted, RequestTrace } from './noted.ts';
import { tracing } from './traces.ts';

/** The upstream's part of a call. */
export interface UpstreamPart {
  readonly upstream: string;
  /** The tool's name at the upstream; undefined if no tool is called. */
  readonly tool: string | undefined;
  /** When the call was first sent, in ms of `performance.now()`; 0 if it was not sent. */
  readonly sentMs: number;
  /** Bytes of the messages that were sent to the client. */
  readonly answerBytes: number;
}

/** Maximum number of cached principal hashes. */
const maxPrincipals = 1024;

export class Journal {
  readonly #log: Log;
  readonly #route: string;
  readonly #meter: CallMeter;
  readonly #namesPrincipals: boolean;
  /** The traces of active requests; empty without tracing. */
  readonly #traces = new WeakMap<object, RequestTrace>();
  readonly #principals = new Map<string, string>();

  /** `namesPrincipals`: the log contains the caller's subject instead of a hash. */
  constructor(log: Log, route: string, meter: CallMeter, namesPrincipals = false) {
    this.#namesPrincipals = namesPrincipals;
    this.#log = log;
    this.#route = route;
    this.#meter = meter;
  }

  /** The gateway answered a request itself, with `body`. */
  answered(noted: Noted, body: Buffer | string = ''): void {
    const ms = performance.now() - noted.startedMs;
    const method = methodLabel(noted.message.method);
    countRequest(method, 'ok');
    timeRequest(method, ms);
    const trace = this.#ended(noted, 'ok');
    const answerBytes = Buffer.byteLength(body);
    this.#log.info({ method, ...this.#about(noted, trace), outcome: 'ok', ms: Math.round(ms), answerBytes }, 'request');
  }

  /** An upstream has finished its part of a call; `fault` is given if the call failed. */
  called(
    noted: Noted,
    { upstream, tool, sentMs, answerBytes }: UpstreamPart,
    outcome: 'ok' | 'error' | ErrorCode,
    fault?: GatewayError,
  ): void {
    const nowMs = performance.now();
    const ms = nowMs - noted.startedMs;
    const own = sentMs === 0 ? ms : Math.max(0, sentMs - noted.startedMs);
    const method = methodLabel(noted.message.method);
    this.#meter.called(upstream, method, tool, outcome, own, ms, noted.received.length, answerBytes);
    const trace = this.#ended(noted, outcome);
    // One literal without spreads, for speed; undefined fields are left out of the line.
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

  /** A request was answered with a fault before it reached an upstream. `noted` is undefined if its message was not read yet. */
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

  /** Starts the trace of a request, if traces are on. Called again when the name of the tool or prompt is known. */
  begun(noted: Noted, named: string | undefined): void {
    const known = this.#traces.get(noted);
    if (known !== undefined) known.named(named);
    else if (tracing !== undefined) this.#traces.set(noted, tracing.begin(noted, this.#route, named));
  }

  /** The call is sent to an upstream, for the first time or again. Returns the trace context to send with it, if it has a trace. */
  sent(noted: Noted, upstream: string, tool: string | undefined): Carried | undefined {
    return this.#traces.get(noted)?.sent(upstream, tool);
  }

  /** Adds an event to the trace of a call, such as `manifold.session.healed`. */
  befell(noted: Noted, event: string): void {
    if (tracing !== undefined) this.#traces.get(noted)?.event(event);
  }

  /** The request was forwarded to another replica. */
  hopped(noted: Noted): void {
    this.befell(noted, 'manifold.hop');
    this.#ended(noted, 'ok');
  }

  /** A message from an upstream was dropped. */
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

  /** The log fields that every request has. */
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

/** Shortens a name for the log, because a client or an issuer may have chosen it. */
function shown(name: string): string {
  return name.length <= 128 ? name : `${name.slice(0, 127)}…`;
}

/** Maximum length of the reason of a fault in the log, including its cause. */
const maxReasonChars = 200;

/**
 * Why a call failed, in the gateway's own words. The message of another error may repeat data from a peer, as those of `JSON.parse`
 * do, so only its name is logged.
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

/** The code of an error, such as `ECONNREFUSED`, which is more specific than its name. Its name if there is no code. */
function nameOf(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.name;
}
