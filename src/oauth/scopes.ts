/** Scopes: as RFC 6749 §3.3 writes them, as tokens hold them, and which imply which. */

/** `scope-token` of RFC 6749 §3.3: printable ASCII without space, `"` and `\`. */
function isScope(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text);
}

/** Scopes that may be asked for. `offline_access` is the client's own affair (MCP 2026-07-28 basic/authorization). */
export function askable(scopes: Iterable<string>): readonly string[] {
  return [...new Set(scopes)].filter((scope) => isScope(scope) && scope !== 'offline_access');
}

/** `scope` and `scp` of a token: a string of several or a list, whichever the issuer writes. */
export function scopesOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return [...listed(claims['scope']), ...listed(claims['scp'])];
}

function listed(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  return Array.isArray(value) ? value.filter((scope) => typeof scope === 'string' && scope !== '') : [];
}

/** Which further scopes a scope stands for: `{ admin: ['read', 'write'] }`. */
export type ImpliedScopes = Readonly<Record<string, readonly string[]>>;

/** The scopes with all that they imply, directly or through others. */
export function withImplied(scopes: Iterable<string>, implied: ImpliedScopes | undefined): ReadonlySet<string> {
  const all = new Set(scopes);
  // A set that grows is walked to its new end.
  if (implied !== undefined)
    for (const scope of all) for (const more of Object.hasOwn(implied, scope) ? implied[scope]! : []) all.add(more);
  return all;
}
