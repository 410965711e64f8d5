/** Scopes: their syntax (RFC 6749 §3.3), their forms in tokens, and which scope implies which. */

/** `scope-token` of RFC 6749 §3.3: printable ASCII without space, `"` and `\`. */
function isScope(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text);
}

/**
 * Scopes that a client may be told to request. `offline_access` is the client's own decision (MCP 2026-07-28
 * basic/authorization).
 */
export function askable(scopes: Iterable<string>): readonly string[] {
  return [...new Set(scopes)].filter((scope) => isScope(scope) && scope !== 'offline_access');
}

/** The scopes in `scope` and `scp` of a token: a string of several or a list, depending on the issuer. */
export function scopesOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return [...listed(claims['scope']), ...listed(claims['scp'])];
}

function listed(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  return Array.isArray(value) ? value.filter((scope) => typeof scope === 'string' && scope !== '') : [];
}

/** The further scopes that a scope includes: `{ admin: ['read', 'write'] }`. */
export type ImpliedScopes = Readonly<Record<string, readonly string[]>>;

/** The scopes with all that they imply, directly or indirectly. */
export function withImplied(scopes: Iterable<string>, implied: ImpliedScopes | undefined): ReadonlySet<string> {
  const all = new Set(scopes);
  // A Set that grows during iteration is iterated to its new end.
  if (implied !== undefined)
    for (const scope of all) for (const more of Object.hasOwn(implied, scope) ? implied[scope]! : []) all.add(more);
  return all;
}
