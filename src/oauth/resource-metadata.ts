/** The metadata of a protected resource (RFC 9728): where it stands and what it says. All of it comes from the configuration. */
import { askable } from './scopes.ts';

/** One route that takes access tokens. */
export interface ProtectedResource {
  /** The resource identifier, character by character as clients use it: absolute, without a fragment. */
  readonly resource: string;
  /** Issuers whose tokens are taken. At least one. */
  readonly authorizationServers: readonly string[];
  readonly scopesSupported?: readonly string[] | undefined;
  readonly resourceName?: string | undefined;
  readonly signingAlgorithms?: readonly string[] | undefined;
  readonly documentation?: string | undefined;
  readonly policyUri?: string | undefined;
}

const protectedResource = '/.well-known/oauth-protected-resource';

/**
 * The well-known URI of `kind` for an identifier with a path: inserted between host and path, without the slash of an empty
 * path (RFC 9728 §3.1, RFC 8414 §3.1). The answer is path and query.
 */
export function insertedPath(kind: string, identifier: string): string {
  const { pathname, search } = new URL(identifier);
  return `${kind}${pathname === '/' ? '' : pathname}${search}`;
}

/** Where the metadata of a resource stands: path and query. */
export function metadataPath(resource: string): string {
  return insertedPath(protectedResource, resource);
}

/** The same as an absolute URL, for challenges. */
export function metadataUrl(resource: string): string {
  return `${new URL(resource).origin}${metadataPath(resource)}`;
}

/** The path of the metadata of the resource that is the whole host, or that stands for it. */
export const rootMetadataPath = protectedResource;

/** What is wrong with a resource identifier (RFC 9728 §1.2, RFC 8707 §2), for the one who configured it. */
export function resourceFault(resource: string): string | undefined {
  if (!URL.canParse(resource)) return 'must be an absolute URL';
  const { protocol, username, password } = new URL(resource);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an https URL';
  if (resource.includes('#')) return 'must have no fragment';
  if (username !== '' || password !== '') return 'must hold no credentials';
  return undefined;
}

/** The document, as JSON text. `resource` is repeated exactly, for clients compare it so (RFC 9728 §3.3). */
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
