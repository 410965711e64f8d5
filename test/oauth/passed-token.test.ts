import { expect, test } from 'vitest';
import { anyAudience, isMeantFor } from '../../src/oauth/passed-token.ts';

const url = 'https://files.example.com/mcp?key=1';

test.each([
  ['https://files.example.com/mcp', true],
  [['https://gw.example.com/mcp', 'https://files.example.com/mcp/'], true],
  ['https://gw.example.com/mcp', false],
  ['https://files.example.com', false],
  ['https://files.example.com/mcp2', false],
  [[], false],
  [undefined, false],
  [[['https://files.example.com/mcp']], false],
])('a token for %j is meant for the upstream: %s', (aud, isMeant) => {
  expect(isMeantFor(aud, url)).toBe(isMeant);
});

test('the operator names another audience, or takes any', () => {
  expect(isMeantFor(['gateway', 'backend'], url, 'backend')).toBe(true);
  expect(isMeantFor('https://files.example.com/mcp', url, 'backend')).toBe(false);
  expect(isMeantFor(undefined, url, anyAudience)).toBe(true);
});
