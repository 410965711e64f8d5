/** Whatever a client sends is judged, and nothing of it is a fault of the gateway. */
import { array, assert, constantFrom, json, jsonValue, oneof, property, string, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { apiKeyReader } from '../../src/oauth/api-keys.ts';
import { presentedToken } from '../../src/oauth/presented.ts';
import { compileRules } from '../../src/oauth/rules.ts';
import { judgeClaims } from '../../src/oauth/token-rules.ts';
import { CredentialsRefused } from '../../src/oauth/verified.ts';
import { claimedIssuer } from '../../src/oauth/verify-jwt.ts';

const text = oneof(string(), string({ unit: 'binary' }), json());
const name = oneof(constantFrom('Authorization', 'authorization', 'x-api-key', 'Cookie'), text);
const value = oneof(
  text.map((rest) => `Bearer ${rest}`),
  text.map((rest) => `k=${rest}`),
  text,
);
const rawHeaders = array(tuple(name, value)).map((pairs) => pairs.flat());
const path = text.map((rest) => `/mcp?${rest}`);

function refusedOrFine(run: () => unknown): void {
  try {
    run();
  } catch (fault) {
    expect(fault).toBeInstanceOf(CredentialsRefused);
  }
}

test('headers and paths', () => {
  const extractFrom = [{ headers: ['x-api-key', 'authorization'], params: ['k'], cookies: ['k'] }];
  const read = apiKeyReader({ credentials: [{ clientId: 'one', key: 'the key of one' }], extractFrom });
  assert(
    property(rawHeaders, path, (headers, target) => {
      const presented = presentedToken({ rawHeaders: headers, path: target });
      if (presented.kind === 'bearer') expect(presented.token).toMatch(/^[\x21-\x7e]+$/);
      refusedOrFine(() => read({ rawHeaders: headers, path: target }));
    }),
  );
});

test('tokens and claims', () => {
  const rules = { issuer: 'i', audiences: ['a'], allowAnyAudience: true, bindClaim: 'b', impliedScopes: { x: ['y'] } };
  assert(
    property(text, jsonValue(), (token, claims) => {
      claimedIssuer(token);
      claimedIssuer(`ey.${Buffer.from(token).toString('base64url')}.x`);
      refusedOrFine(() => judgeClaims({ sub: 's', b: 'b', claims, scope: claims, aud: claims, exp: claims }, rules, 0));
    }),
  );
});

test('parameters and claims that rules look at', () => {
  const decide = compileRules({
    rules: [
      { cel: 'request.mcp.params.a.b == request.auth.jwt.claims.c && request.mcp.params.l.exists(x, x.matches("a+"))' },
      { action: 'Deny', cel: 'request.mcp.params.l.map(x, x + x).size() > 3' },
      { cel: 'request.headers.h.startsWith(request.mcp.params.s)', claims: [{ name: 'c.d', values: ['x'] }] },
    ],
  });
  assert(
    property(jsonValue(), jsonValue(), rawHeaders, (claim, given, headers) => {
      const asking = { scopes: new Set<string>(), claims: { c: claim }, rawHeaders: headers };
      const params = { a: given, l: given, s: given };
      const subject = { kind: 'tool', upstream: 'u', name: 'n', method: 'tools/call', params: () => params } as const;
      expect(typeof decide(asking, subject).allow).toBe('boolean');
    }),
  );
});
