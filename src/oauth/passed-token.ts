/**
 * Whether the access token of a caller may go on to an upstream, where the operator has acknowledged that it does: only one that its
 * issuer has meant for that upstream too (MCP Security Best Practices §Token Passthrough, RFC 8707 §2).
 */

/** As the audience: tokens go on for whomever they are. */
export const anyAudience = '*';

/** `aud`: the claim of the token, as it was found. `url`: the upstream's; `audience` stands in its place where it is given. */
export function isMeantFor(aud: unknown, url: string, audience?: string): boolean {
  if (audience === anyAudience) return true;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audience !== undefined) return named.includes(audience);
  const { origin, pathname } = new URL(url);
  const own = withoutSlash(origin + pathname);
  return named.some((one) => typeof one === 'string' && withoutSlash(one) === own);
}

/* RFC 3986 §6.2.3 for an empty path; MCP 2025-11-25 basic/authorization §Canonical Server URI prefers the form without. */
function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}
