import { describe, expect, test } from 'vitest';

import { contradicted } from '../../src/aggregate/contradicted.ts';
import { readServerMessage } from '../../src/protocol/envelope.ts';

function read(method: string, error: string): string | undefined {
  return contradicted(method, readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"error":${error}}`)));
}

const behind = (count: number): string => `{"code":-32602,"message":"${' '.repeat(count)}unknown"}`;

describe('an error that speaks against a list', () => {
  for (const [method, error, list] of [
    ['tools/call', '{"code":-32602,"message":"Unknown tool: a"}', 'tools'],
    ['tools/call', '{"code":-32602,"message":"MCP error -32602: Tool a not found"}', 'tools'],
    ['prompts/get', '{"code":-32602,"message":"Prompt does not exist"}', 'prompts'],
    ['prompts/get', '{"code":-32602,"message":"Prompt doesn\'t exist"}', 'prompts'],
    ['tools/call', '{"code":-32602,"message":"Invalid arguments for tool a"}', undefined],
    ['tools/call', '{"code":-32603,"message":"Unknown tool"}', undefined],
    ['tools/call', '{"code":"-32602","message":"Unknown tool"}', undefined],
    ['tools/call', '{"code":-32602}', undefined],
    ['resources/read', '{"code":-32602,"message":"Resource not found"}', undefined],
  ] as const) {
    test(`${method} ${error} speaks against ${list ?? 'none'}`, () => {
      expect(read(method, error)).toBe(list);
    });
  }

  test('is looked at for 256 characters', () => {
    expect(read('tools/call', behind(249))).toBe('tools');
    expect(read('tools/call', behind(250))).toBeUndefined();
  });
});
