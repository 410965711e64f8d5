/**
 * Log messages of upstreams with sessions for clients that ask for them with each request (2026-07-28 server/utilities/logging). The
 * session is shared, so its level is only made more verbose. Each request gets the levels that it asked for, from its own stream. A
 * message that may belong to another request is dropped.
 */
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { GatewayError } from '../errors.ts';
import { isAtLeast, isLogLevel, type LogLevel } from '../protocol/log-levels.ts';
import { textOf } from '../protocol/scan.ts';
import type { Call } from '../clients/call.ts';
import { levelDeadlineMs } from '../transport/http/limits.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

/** A call in progress. */
interface Calling {
  readonly call: Call;
  readonly session: UpstreamSession;
}

interface Asked {
  readonly level: LogLevel;
  /** Until the upstream has answered. */
  answer: Promise<void> | undefined;
}

export class PooledLogs {
  readonly #adapter: UpstreamAdapter;
  /** The level that was last set on each session. */
  readonly #asked = new WeakMap<UpstreamSession, Asked>();

  constructor(adapter: UpstreamAdapter) {
    this.#adapter = adapter;
  }

  /** Sets the level that the call needs. Undefined when it is set already; the promise never rejects. */
  ready({ call, session }: Calling): Promise<void> | undefined {
    const level = call.said?.logLevel;
    const isSilent = !session.has(serverCapability.logging);
    // Only a session keeps a level. An upstream of 2026-07-28 gets it with the call.
    if (level === undefined || session.isToldOfClient || isSilent || !session.keepsSession) return undefined;
    const known = this.#asked.get(session);
    if (known !== undefined && isAtLeast(level, known.level)) return known.answer;
    const asked: Asked = { level, answer: undefined };
    asked.answer = this.#ask(session, call, level).then((isHeard) => {
      asked.answer = undefined;
      if (!isHeard && this.#asked.get(session) === asked) this.#asked.delete(session);
    });
    this.#asked.set(session, asked);
    return asked.answer;
  }

  /** Whether a log message on the stream of a call is for its client. */
  wants({ call, session }: Calling, message: Message): boolean {
    const least = call.said?.logLevel;
    if (least === undefined) return false;
    // The upstream got the level with the call and has filtered already.
    if (session.isToldOfClient) return true;
    // A bridged session has one pipe for all calls, so the call of a log message is unknown.
    if (session.isShared && session.upstream.bridged && session.underWay?.size !== 1) return false;
    const found = message.params?.member('level');
    const level = found?.kind === 'string' ? textOf(message.bytes, found) : '';
    return isLogLevel(level) && isAtLeast(level, least);
  }

  /** False when the upstream was not reached, so that a further attempt makes sense. */
  async #ask(session: UpstreamSession, { caller }: Call, level: LogLevel): Promise<boolean> {
    try {
      const params = JSON.stringify({ level });
      await this.#adapter.ask({ session, caller }, 'logging/setLevel', params, levelDeadlineMs);
      return true;
    } catch (fault) {
      return fault instanceof GatewayError && fault.code === 'upstream_timeout';
    }
  }
}
