/** A redirect is followed on the same origin, once, and remembered. */
import { expect, test } from 'vitest';
import {
  follow,
  pathOf,
  redirection,
  sendWhereItIs,
  shownTarget,
  type Redirected,
} from '../../../src/transport/upstream/redirects.ts';

/** What is sent where `answerOf` answers with the place of a redirect. */
function sent(upstream: { origin: string; path: string }, answerOf: (path: string) => string | undefined): string[] {
  const paths: string[] = [];
  const exchange: Redirected = { sent: undefined };
  const dispatcher = {
    dispatch: ({ path }: { path: string }) => {
      paths.push(path);
      const location = paths.length > 3 ? undefined : answerOf(path);
      const target = location === undefined ? undefined : redirection(exchange.sent!, location);
      if (target !== undefined) follow(exchange.sent!, target, exchange);
      return true;
    },
  };
  sendWhereItIs(upstream, dispatcher, { method: 'POST', headers: [], body: '' }, exchange);
  return paths;
}

const anOrigin = 'http://up.test';

const moved = (path: string): string | undefined => (path === '/mcp' ? '/mcp/?x=1' : undefined);

test('to another path of the origin, and straight there the next time', () => {
  const upstream = { origin: anOrigin, path: '/mcp' };
  expect(sent(upstream, moved)).toEqual(['/mcp', '/mcp/?x=1']);
  expect(pathOf(upstream)).toBe('/mcp/?x=1');
  expect(sent(upstream, moved)).toEqual(['/mcp/?x=1']);
});

for (const location of [
  'http://evil.test/mcp/',
  'https://up.test/mcp/',
  'http://up.test:81/mcp/',
  '//evil.test/mcp',
  'http://user:pw@up.test/mcp/',
  '/mcp',
  'http://[',
])
  test(`${location} is not followed`, () => {
    const upstream = { origin: anOrigin, path: '/mcp' };
    expect(sent(upstream, () => location)).toEqual(['/mcp']);
    expect(pathOf(upstream)).toBe('/mcp');
  });

test('the log shows a place without credentials and query', () => {
  expect(shownTarget('https://u:p@a.test/b?secret#c')).toBe('https://a.test/b');
  expect(shownTarget('/b?secret')).toBe('/b');
});
