/** Which faults a broken answer survives, and how long it waits. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { isPassing, resumptionDelayMs } from '../../src/streams/resumption.ts';
import { maxPollMs, resumptionMaxMs } from '../../src/transport/http/limits.ts';

test('what may be over soon is waited for; a lost session or a refusal is not', () => {
  const codes = ['upstream_interrupted', 'upstream_unreachable', 'upstream_starting', 'upstream_busy'] as const;
  expect(codes.every((code) => isPassing(new GatewayError(code)))).toBe(true);
  const others = ['upstream_session_lost', 'upstream_refused', 'upstream_malformed', 'upstream_timeout'] as const;
  expect(others.some((code) => isPassing(new GatewayError(code)))).toBe(false);
});

test('the first pause is the upstream’s own, within a limit; the next ones grow, within another', () => {
  expect([undefined, 700, maxPollMs + 1].map((ms) => resumptionDelayMs(0, ms))).toEqual([0, 700, maxPollMs]);
  const next = Array.from({ length: 12 }, (_each, at) => resumptionDelayMs(at + 1, 700));
  expect(next[0]).toBe(500);
  expect(next.every((ms, at) => at === 0 || ms >= next[at - 1]!)).toBe(true);
  expect(next.at(-1)).toBe(resumptionMaxMs);
});
