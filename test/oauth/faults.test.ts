import { expect, test } from 'vitest';
import { errorBody } from '../../src/errors.ts';
import { challengesOf } from '../../src/oauth/challenge.ts';
import {
  authorizationUnavailable,
  denied,
  tokenInvalid,
  tokenMalformed,
  tokenMissing,
} from '../../src/oauth/faults.ts';

const challenges = challengesOf({
  resource: 'https://gw.example.com/mcp',
  authorizationServers: ['https://as.example.com'],
});

test.each([
  [tokenMissing(challenges.missing), 401, -32001, 'Unauthorized', challenges.missing],
  [tokenInvalid(challenges.invalid, 'why'), 401, -32001, 'Unauthorized', challenges.invalid],
  [
    tokenMalformed(challenges.malformed, 'why'),
    400,
    -32000,
    'Bad Request: malformed credentials',
    challenges.malformed,
  ],
  [denied(challenges, ['a']), 403, -32003, 'Forbidden', challenges.insufficient(['a'])],
  [denied(challenges, undefined), 403, -32003, 'Forbidden', undefined],
  [denied(challenges, []), 403, -32003, 'Forbidden', undefined],
  [denied(undefined, ['a']), 403, -32003, 'Forbidden', undefined],
  [authorizationUnavailable('why'), 503, -32000, 'Service Unavailable', undefined],
])('%s', (fault, status, code, message, challenge) => {
  expect(fault.status).toBe(status);
  expect(JSON.parse(errorBody(fault, '7'))).toEqual({ jsonrpc: '2.0', error: { code, message }, id: 7 });
  const at = fault.headers.indexOf('WWW-Authenticate');
  expect(at < 0 ? undefined : fault.headers[at + 1]).toBe(challenge);
  expect(fault.headers).toContain('no-store');
});

test('why a token was refused is not told', () => {
  const fault = tokenInvalid(challenges.invalid, 'the secret reason', new Error('the secret cause'));
  expect(`${errorBody(fault, undefined)} ${fault.headers.join(' ')}`).not.toContain('secret');
});
