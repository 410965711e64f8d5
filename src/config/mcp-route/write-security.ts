/** Writes the security of a route as `securityPolicy` of an MCPRoute: only the parts that need no further object. */
import type { RouteSecurity } from '../security.ts';

/** `names`: the names of the backends, keyed by the ids of the upstreams. */
export function securityText(
  { oauth, authorization }: RouteSecurity,
  names: ReadonlyMap<string, string>,
): object | undefined {
  if (oauth === undefined && authorization === undefined) return undefined;
  return {
    ...(oauth !== undefined && {
      oauth: {
        issuer: oauth.issuer,
        audiences: oauth.audiences,
        ...keysText(oauth),
        protectedResourceMetadata: metadataText(oauth),
        ...(oauth.claimToHeaders.length > 0 && { claimToHeaders: oauth.claimToHeaders }),
      },
    }),
    ...(authorization !== undefined && {
      authorization: {
        defaultAction: authorization.defaultAction,
        rules: authorization.rules.map(({ action, source, tools, cel }) => ({
          action,
          ...(source !== undefined && {
            source: {
              jwt: {
                ...(source.scopes.length > 0 && { scopes: source.scopes }),
                ...(source.claims.length > 0 && { claims: source.claims }),
              },
            },
          }),
          ...(tools !== undefined && {
            target: {
              tools: tools.map(({ upstream, tool }) => ({ backend: names.get(upstream) ?? upstream, tool })),
            },
          }),
          ...(cel !== undefined && { cel }),
        })),
      },
    }),
  };
}

function keysText({ keys }: NonNullable<RouteSecurity['oauth']>): object {
  switch (keys.kind) {
    case 'discovered':
      return {};
    case 'remote':
      return { jwks: { remoteJWKS: { uri: keys.url, cacheDuration: `${Math.round(keys.cacheMs / 1_000)}s` } } };
    case 'local':
      return { jwks: { localJWKS: { type: 'Inline', inline: keys.text } } };
  }
}

function metadataText({ metadata }: NonNullable<RouteSecurity['oauth']>): object {
  const { scopesSupported, ...rest } = metadata;
  return { ...rest, ...(scopesSupported.length > 0 && { scopesSupported }) };
}
