import { expect, test } from 'vitest';
import { pathWithKey, pathWithoutKey, staticCredential } from '../../src/oauth/static-key.ts';

test('a key is a bearer token unless a header is named', () => {
  expect(staticCredential({ key: 'abc\n' })).toEqual({ headers: ['authorization', 'Bearer abc'] });
  expect(staticCredential({ key: 'Bearer abc' })).toEqual({ headers: ['authorization', 'Bearer abc'] });
  expect(staticCredential({ key: 'abc', header: 'X-Api-Key' })).toEqual({ headers: ['x-api-key', 'abc'] });
});

test('a key in the query is escaped, replaces another one, and is not in what is logged', () => {
  const credential = staticCredential({ key: 'a&b=c d', queryParam: 'key' });
  expect(credential.headers).toEqual([]);
  expect(pathWithKey('/mcp', credential)).toBe('/mcp?key=a%26b%3Dc+d');
  expect(pathWithKey('/mcp?x=1&key=old', credential)).toBe('/mcp?x=1&key=a%26b%3Dc+d');
  expect(pathWithoutKey(pathWithKey('/mcp?x=1', credential), credential)).toBe('/mcp?x=1&key=redacted');
  expect(pathWithoutKey('/mcp', credential)).toBe('/mcp');
});

test('without a query the path stays', () => {
  const credential = staticCredential({ key: 'abc' });
  expect(pathWithKey('/mcp?x=1', credential)).toBe('/mcp?x=1');
});

test('what cannot stand in a header is refused without being told', () => {
  for (const key of ['', '  ', 'secret\r\nX: y', 'sécret', 'secret\u0000']) {
    expect(() => staticCredential({ key })).toThrow('the key is empty or holds');
  }
});
