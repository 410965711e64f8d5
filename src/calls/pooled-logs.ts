/**
 * Log messages of upstreams with sessions for clients that ask for them with each request (2026-07-28 server/utilities/logging). The
 * session is one of many clients, so its level is only ever made more verbose, and each request gets what it asked for of what
 * comes on its own stream; a message that cannot be told to belong to it is nobody's.
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

/** A call under way. */
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
  /** What each session was asked for last. */
  readonly #asked = new WeakMap<UpstreamSession, Asked>();

  constructor(adapter: UpstreamAdapter) {
    this.#adapter = adapter;
  }

  /** Makes the session say what the call wants to hear. Undefined when it does; the promise never rejects. */
  ready({ call, session }: Calling): Promise<void> | undefined {
    const level = call.said?.logLevel;
    const isSilent = !session.has(serverCapability.logging);
    // A level is kept with a session, and an upstream of the client's own era is told with the call.
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

  /** Whether a log message that came on the stream of a call is for its client. */
  wants({ call, session }: Calling, message: Message): boolean {
    const least = call.said?.logLevel;
    if (least === undefined) return false;
    // Told with the call, the upstream knows best.
    if (session.isToldOfClient) return true;
    // Behind the bridge all calls of a session are on one pipe, and which of them a log message belongs to is a guess.
    if (session.isShared && session.upstream.bridged && session.underWay?.size !== 1) return false;
    const found = message.params?.member('level');
    const level = found?.kind === 'string' ? textOf(message.bytes, found) : '';
    return isLogLevel(level) && isAtLeast(level, least);
  }

  /** False when the upstream was not reached, so that it is worth asking again. */
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
