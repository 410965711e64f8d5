/**
 * The metadata of an authorization server: its possible URLs, and its validation. RFC 8414 §3, OpenID Connect Discovery 1.0 §4.
 */
import { insertedPath } from './resource-metadata.ts';

/** The members that the gateway reads. All others are kept, for relaying the document. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly jwks_uri?: string;
  readonly token_endpoint?: string;
  readonly authorization_endpoint?: string;
  readonly introspection_endpoint?: string;
  readonly [member: string]: unknown;
}

/**
 * The possible URLs of an issuer's metadata, in the order to try (MCP 2025-11-25 basic/authorization §Authorization Server
 * Metadata Discovery).
 */
export function metadataCandidates(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, '');
  const base = `${origin}${path}`;
  return [
    ...new Set([
      `${origin}${insertedPath('/.well-known/oauth-authorization-server', base)}`,
      `${origin}${insertedPath('/.well-known/openid-configuration', base)}`,
      `${base}/.well-known/openid-configuration`,
    ]),
  ];
}

const urls = ['jwks_uri', 'token_endpoint', 'authorization_endpoint', 'introspection_endpoint'] as const;

/**
 * The metadata, if the document is about `issuer`: its `issuer` must be the same text (RFC 8414 §3.3), otherwise one server could
 * pass its metadata off as another's. Undefined for any other document.
 */
export function believedMetadata(document: unknown, issuer: string): ServerMetadata | undefined {
  if (typeof document !== 'object' || document === null || !('issuer' in document)) return undefined;
  if (document.issuer !== issuer) return undefined;
  const members: Readonly<Record<string, unknown>> = { ...document };
  for (const name of urls) {
    const url = members[name];
    if (url !== undefined && (typeof url !== 'string' || !URL.canParse(url))) return undefined;
  }
  return { ...members, issuer };
}
