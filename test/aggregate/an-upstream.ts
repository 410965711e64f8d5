/** An upstream as the configuration gives it, for tests: `up`, with everything else at its plainest. */
import type { UpstreamConfig } from '../../src/config/model.ts';

export function anUpstream(id = 'up', more: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return {
    name: id,
    id,
    naming: { policy: 'always', separator: '__', maxChars: 64, tooLong: 'warn' },
    scheme: id,
    transport: { kind: 'http', url: 'http://127.0.0.1/mcp', headers: [] },
    tools: { include: undefined, exclude: new Set() },
    timeoutMs: 1000,
    era: 'auto',
    onSessionLoss: 'reinitialize',
    forwardHeaders: [],
    ...more,
  };
}
