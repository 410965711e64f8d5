import { expect, test } from 'vitest';
import { apiKeyReader, maxApiKeyChars, type ApiKeyAuth } from '../../src/oauth/api-keys.ts';
import { CredentialsRefused } from '../../src/oauth/verified.ts';

const credentials = [
  { clientId: 'one', key: 'key-of-one' },
  { clientId: 'two', key: 'key-of-two' },
];

function reads(extractFrom: ApiKeyAuth['extractFrom'], rawHeaders: readonly string[], path = '/mcp'): unknown {
  const found = apiKeyReader({ credentials, extractFrom })({ rawHeaders, path });
  return found === undefined || found.principal === 'anonymous' ? found : found.principal.sub;
}

test('a key is read from headers, parameters and cookies, in the order given', () => {
  const everywhere = [{ headers: ['X-Api-Key', 'Authorization'] }, { params: ['key'] }, { cookies: ['k'] }];
  expect(reads(everywhere, ['x-api-key', 'key-of-one'])).toBe('one');
  expect(reads(everywhere, ['authorization', 'Bearer key-of-two'])).toBe('two');
  expect(reads(everywhere, [], '/mcp?a=b&key=key-of-two')).toBe('two');
  expect(reads(everywhere, ['Cookie', 'a=b; k=key-of-one; c'])).toBe('one');
  expect(reads(everywhere, ['x-api-key', 'key-of-one'], '/mcp?key=key-of-two')).toBe('one');
});

test('no key is none, and a wrong one is refused', () => {
  const header = [{ headers: ['x-api-key'] }];
  expect(reads(header, ['x-api-key', '', 'other', 'key-of-one'])).toBeUndefined();
  expect(() => reads(header, ['x-api-key', 'key-of-three'])).toThrow(CredentialsRefused);
  expect(() => reads(header, ['x-api-key', 'key-of-one '])).toThrow(CredentialsRefused);
  expect(() => reads(header, ['x-api-key', 'k'.repeat(maxApiKeyChars + 1)])).toThrow('longer');
});

test('the client is the principal, and upstreams may be told it', () => {
  const read = apiKeyReader({
    credentials,
    extractFrom: [{ headers: ['x-api-key'] }],
    forwardClientIdHeader: 'X-Client',
  });
  expect(read({ rawHeaders: ['X-Api-Key', 'key-of-one'], path: '/' })).toMatchObject({
    principal: { iss: 'apikey', sub: 'one', bind: '' },
    forwarded: ['x-client', 'one'],
  });
});

function withThird(key: string) {
  return () => apiKeyReader({ credentials: [...credentials, { clientId: 'three', key }], extractFrom: [] });
}

test('equal keys and empty ones are faults that do not tell the key', () => {
  for (const key of ['key-of-one', '', 'k'.repeat(maxApiKeyChars + 1)]) {
    expect(withThird(key)).toThrow('three');
    if (key !== '') expect(withThird(key)).not.toThrow(key);
  }
});
