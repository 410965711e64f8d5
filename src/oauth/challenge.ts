/**
 * The `WWW-Authenticate` field of 400, 401 and 403 answers (RFC 6750 §3, RFC 9728 §5.1; MCP 2025-11-25 basic/authorization),
 * always one line. A challenge says what the resource requires, and nothing about the caller.
 */
import { metadataUrl, type ProtectedResource } from './resource-metadata.ts';
import { askable } from './scopes.ts';

export interface Challenges {
  /** 401 without credentials: has no `error` (RFC 6750 §3.1). */
  readonly missing: string;
  /** 401 for any invalid token. */
  readonly invalid: string;
  /** 400 for a malformed request. */
  readonly malformed: string;
  /** 403, with all scopes that the operation needs. */
  insufficient(scopes: readonly string[]): string;
}

/** The challenges of a resource, made once. */
export function challengesOf(resource: ProtectedResource): Challenges {
  const metadata = `resource_metadata=${quoted(metadataUrl(resource.resource))}`;
  const scopes = askable(resource.scopesSupported ?? []).join(' ');
  const scope = scopes === '' ? '' : `, scope=${quoted(scopes)}`;
  return {
    missing: `Bearer ${metadata}${scope}`,
    invalid: `Bearer error="invalid_token", error_description="The access token is missing, expired or not valid for this resource", ${metadata}${scope}`,
    malformed: `Bearer error="invalid_request", error_description="Send one access token, in the Authorization header", ${metadata}`,
    insufficient: (needed) =>
      `Bearer error="insufficient_scope", scope=${quoted(askable(needed).join(' '))}, ${metadata}, error_description="The token is missing required scopes"`,
  };
}

/**
 * A `quoted-string` (RFC 9110 §5.6.4). Characters that are not allowed in a field value are removed, so that it stays one line.
 */
export function quoted(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, '').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
