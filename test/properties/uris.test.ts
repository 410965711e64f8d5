import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { matchesTemplate } from '../../src/aggregate/templates.ts';
import { inwardUri, outwardUri } from '../../src/aggregate/uris.ts';

const aScheme = fc.stringMatching(/^[a-z][a-z0-9.-]{0,15}$/);
const aUri = fc.oneof(
  fc.webUrl({ validSchemes: ['file', 'ftp', 'ui'], withQueryParameters: true, withFragments: true }),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^(ui:\/\/|ui:|\+|[a-z]+:)?[a-z+/{}%.:-]{0,12}$/),
);

test('an outward URI goes back to the very text it was made of, or was left alone', () => {
  fc.assert(
    fc.property(aScheme, aUri, (scheme, uri) => {
      const outward = outwardUri({ scheme }, uri);
      if (uri.toLowerCase().startsWith('http://') || uri.toLowerCase().startsWith('https://')) {
        expect(outward).toBe(uri);
      } else {
        expect(inwardUri(outward, new Map([[scheme, scheme]]))).toEqual({ upstream: scheme, uri });
      }
    }),
    { numRuns: 2000 },
  );
});

test('URIs of two upstreams never meet', () => {
  fc.assert(
    fc.property(aScheme, aUri, aScheme, aUri, (scheme, uri, otherScheme, otherUri) => {
      fc.pre(scheme !== otherScheme && !/^https?:/i.test(uri));
      expect(outwardUri({ scheme }, uri)).not.toBe(outwardUri({ scheme: otherScheme }, otherUri));
    }),
  );
});

/** A template part as tokens: literal text, `*` for a simple expression, `+` for a reserved one. */
const aToken = fc.oneof(fc.stringMatching(/^[ab/]{1,3}$/), fc.constantFrom('*', '+'));

test('template matching agrees with a search through all possibilities', () => {
  fc.assert(
    fc.property(fc.array(aToken, { maxLength: 6 }), fc.stringMatching(/^[ab/]{0,8}$/), (tokens, uri) => {
      const template = tokens.map((token) => (token === '*' ? '{x}' : token === '+' ? '{+x}' : token)).join('');
      expect(matchesTemplate(template, uri)).toBe(matchesByTrying(tokens, uri));
    }),
    { numRuns: 3000 },
  );
});

function matchesByTrying(tokens: readonly string[], uri: string): boolean {
  const [token, ...rest] = tokens;
  if (token === undefined) return uri === '';
  if (token !== '*' && token !== '+') return uri.startsWith(token) && matchesByTrying(rest, uri.slice(token.length));
  for (let length = 0; length <= uri.length; length++) {
    if (token === '*' && uri.slice(0, length).includes('/')) return false;
    if (matchesByTrying(rest, uri.slice(length))) return true;
  }
  return false;
}
