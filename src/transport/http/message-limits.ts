/**
 * How large one message may be, either way. One setting a process, made at its start and never changed while it serves: every
 * socket is under the same one.
 */
import { eventFieldBytes, maxAnswerBytes, maxMessageBytes } from '../../protocol/limits.ts';

/** In bytes of the wire. */
export interface MessageLimits {
  /** What a client posts. */
  readonly request: number;
  /** What an upstream answers, whole or in one event. */
  readonly answer: number;
}

let limits: MessageLimits = { request: maxMessageBytes, answer: maxAnswerBytes };

export function messageLimits(): MessageLimits {
  return limits;
}

/** What is not given stays as it is. */
export function setMessageLimits(given: Partial<MessageLimits>): void {
  limits = { ...limits, ...given };
}

/** One event with the fields around its message. */
export function eventLimit(): number {
  return limits.answer + eventFieldBytes;
}
