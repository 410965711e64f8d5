/** The metadata of a protected resource (RFC 9728): its URL and its content. All of it comes from the configuration. */
import { askable } from './scopes.ts';

/** A route that accepts access tokens. */
export interface ProtectedResource {
  /** The resource identifier, exactly as clients use it: absolute, without a fragment. */
  readonly resource: string;
  /** The accepted issuers. At least one. */
  readonly authorizationServers: readonly string[];
  readonly scopesSupported?: readonly string[] | undefined;
  readonly resourceName?: string | undefined;
  readonly signingAlgorithms?: readonly string[] | undefined;
  readonly documentation?: string | undefined;
  readonly policyUri?: string | undefined;
}

const protectedResource = '/.well-known/oauth-protected-resource';

/**
 * The well-known URI of `kind` for an identifier: inserted between host and path, without the slash of an empty path (RFC 9728
 * §3.1, RFC 8414 §3.1). Returns path and query.
 */
export function insertedPath(kind: string, identifier: string): string {
  const { pathname, search } = new URL(identifier);
  return `${kind}${pathname === '/' ? '' : pathname}${search}`;
}

/** The URL of a resource's metadata: path and query. */
export function metadataPath(resource: string): string {
  return insertedPath(protectedResource, resource);
}

/** The same as an absolute URL, for challenges. */
export function metadataUrl(resource: string): string {
  return `${new URL(resource).origin}${metadataPath(resource)}`;
}

/** The metadata path of a resource that is the whole host, or of the default resource of a host. */
export const rootMetadataPath = protectedResource;

/** The fault of a resource identifier (RFC 9728 §1.2, RFC 8707 §2), as text for the operator; undefined if it is valid. */
export function resourceFault(resource: string): string | undefined {
  if (!URL.canParse(resource)) return 'must be an absolute URL';
  const { protocol, username, password } = new URL(resource);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an https URL';
  if (resource.includes('#')) return 'must have no fragment';
  if (username !== '' || password !== '') return 'must hold no credentials';
  return undefined;
}

/** The document as JSON text. `resource` is repeated exactly, because clients compare it (RFC 9728 §3.3). */
export function metadataDocument(route: ProtectedResource): string {
  const scopes = askable(route.scopesSupported ?? []);
  return JSON.stringify({
    resource: route.resource,
    authorization_servers: route.authorizationServers,
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    resource_name: route.resourceName,
    resource_signing_alg_values_supported: route.signingAlgorithms,
    resource_documentation: route.documentation,
    resource_policy_uri: route.policyUri,
  });
}
