/**
 * The maximum size of one message, in each direction. One setting per process, made at its start and constant while it serves,
 * because every socket uses the same one.
 */
import { eventFieldBytes, maxAnswerBytes, maxMessageBytes } from '../../protocol/limits.ts';

/** In bytes on the wire. */
export interface MessageLimits {
  /** Messages that clients POST. */
  readonly request: number;
  /** Messages of upstreams: a JSON body or one event. */
  readonly answer: number;
}

let limits: MessageLimits = { request: maxMessageBytes, answer: maxAnswerBytes };

export function messageLimits(): MessageLimits {
  return limits;
}

/** Members that are not given keep their value. */
export function setMessageLimits(given: Partial<MessageLimits>): void {
  limits = { ...limits, ...given };
}

/** Maximum size of one event including the fields around its message, in bytes. */
export function eventLimit(): number {
  return limits.answer + eventFieldBytes;
}
