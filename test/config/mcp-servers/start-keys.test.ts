import { expect, test } from 'vitest';
import { readMcpServers } from '../../../src/config/mcp-servers/read.ts';
import { ConfigError } from '../../../src/config/model.ts';
import { maxStartTimeoutMs, minStartTimeoutMs } from '../../../src/config/limits.ts';

const read = (keys: object) =>
  readMcpServers(JSON.stringify({ mcpServers: { a: { command: 'a', ...keys } } }), 'test', {});

const of = (keys: object) => read(keys).routes[0]!.upstreams[0]!.transport;

test('startTimeout and shared are of the transport, and absent where the file does not say', () => {
  expect(of({ startTimeout: 60_000, shared: true })).toMatchObject({ startTimeoutMs: 60_000, shared: true });
  expect(Object.keys(of({}))).not.toContain('startTimeoutMs');
});

test.each([minStartTimeoutMs - 1, maxStartTimeoutMs + 1, 1_500.5])(
  'a startTimeout of %s is a fault',
  (startTimeout) => {
    expect(() => read({ startTimeout })).toThrow(ConfigError);
  },
);
