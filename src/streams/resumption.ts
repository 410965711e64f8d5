/** When a broken answer is resumed, and after which pause (2025-11-25 basic/transports §Resumability and Redelivery). */
import type { GatewayError } from '../errors.ts';
import { maxPollMs, resumptionMaxMs } from '../transport/http/limits.ts';

/** Whether a later attempt to resume may succeed. A stream in use is held by a former reader, since the ids are of this call alone. */
export function isPassing({ code }: GatewayError): boolean {
  return (
    code === 'upstream_interrupted' ||
    code === 'upstream_unreachable' ||
    code === 'upstream_starting' ||
    code === 'upstream_busy'
  );
}

/** The pause in ms before the answer is resumed. `attempt` counts from 0; `retryMs` is the upstream's `retry` field. */
export function resumptionDelayMs(attempt: number, retryMs: number | undefined): number {
  return attempt === 0 ? Math.min(retryMs ?? 0, maxPollMs) : Math.min(250 * 2 ** attempt, resumptionMaxMs);
}
