/** When a broken answer is asked for again, and after which pause (2025-11-25 transports §Resumability and Redelivery). */
import type { GatewayError } from '../errors.ts';
import { maxPollMs, resumptionMaxMs } from '../transport/http/limits.ts';

/** What may pass when the answer is asked for again. Whoever else holds the stream is a reader that is gone: ids are this call's. */
export function isPassing({ code }: GatewayError): boolean {
  return (
    code === 'upstream_interrupted' ||
    code === 'upstream_unreachable' ||
    code === 'upstream_starting' ||
    code === 'upstream_busy'
  );
}

/** The pause before the answer is asked for again, the `attempt`th time in a row from 0; `retryMs` is the upstream's own wish. */
export function resumptionDelayMs(attempt: number, retryMs: number | undefined): number {
  return attempt === 0 ? Math.min(retryMs ?? 0, maxPollMs) : Math.min(250 * 2 ** attempt, resumptionMaxMs);
}
