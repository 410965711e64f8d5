import { expect, test } from 'vitest';
import { presentedToken } from '../../src/oauth/presented.ts';

const at = (rawHeaders: readonly string[], path = '/mcp'): string => presentedToken({ rawHeaders, path }).kind;

test('one Bearer header holds the token, whatever the case of its words', () => {
  for (const header of [
    ['Authorization', 'Bearer abc.def-_~+/=='],
    ['authorization', 'bearer abc.def-_~+/=='],
    ['AUTHORIZATION', 'BEARER  abc.def-_~+/== '],
  ]) {
    expect(presentedToken({ rawHeaders: ['X', 'y', ...header], path: '/mcp' })).toEqual({
      kind: 'bearer',
      token: 'abc.def-_~+/==',
    });
  }
});

test('no header, or another scheme, is no token', () => {
  expect(at([])).toBe('none');
  expect(at(['X-Authorization', 'Bearer abc'])).toBe('none');
  expect(at(['Authorization', 'Basic YTpi'])).toBe('none');
  expect(at(['Authorization', 'Bearerabc'])).toBe('none');
});

test('what is ambiguous or incomplete is malformed', () => {
  expect(at(['Authorization', 'Bearer a', 'authorization', 'Bearer b'])).toBe('malformed');
  expect(at(['Authorization', 'Bearer a', 'authorization', 'Basic b'])).toBe('malformed');
  for (const value of ['Bearer', 'Bearer ', 'Bearer  ', 'Bearer a b', 'Bearer a,b', 'Bearer "a"', 'Bearer é']) {
    expect(at(['Authorization', value])).toBe('malformed');
  }
});

test('a token in the query is malformed, with a header or without one', () => {
  expect(at([], '/mcp?access_token=abc')).toBe('malformed');
  expect(at(['Authorization', 'Bearer a'], '/mcp?x=1&access%5Ftoken=abc')).toBe('malformed');
  expect(at(['Authorization', 'Bearer a'], '/mcp?x=access_token')).toBe('bearer');
});
