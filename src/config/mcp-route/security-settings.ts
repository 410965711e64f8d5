/** Reads the security settings that are not part of `securityPolicy`. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type {
  EgressConfig,
  FurtherIssuer,
  OAuthClientIdentity,
  OAuthConfig,
  RevocationConfig,
  RouteSecurity,
  TokenConfig,
  UpstreamGrant,
} from '../security.ts';
import type { RouteContext } from './context.ts';
import { fault } from './context.ts';
import { durationMs } from './duration.ts';
import { secretOf, valueUnder } from './secrets.ts';
import type { ClientText, GrantText, SecuritySettings, TokenText } from './security-settings-shape.ts';

/** The keys of a Secret that contain the secret of a client, as in Envoy Gateway, and its private key. */
const secretKey = 'client-secret';
const privateKeyKey = 'private-key';

/** Applies the settings to the security of a route. `path` is that of the settings. */
export function securedBy(
  context: RouteContext,
  path: JsonPath,
  security: RouteSecurity | undefined,
  settings: SecuritySettings | undefined,
): RouteSecurity | undefined {
  if (settings === undefined) return security;
  const { oauth, authorization, revocation, egress } = settings;
  for (const name of ['oauth', 'authorization'] as const)
    if (settings[name] !== undefined && security?.[name] === undefined)
      fault(context, [...path, name], `the route has no securityPolicy.${name}`, 'Give it, or take this out');
  if (security === undefined) return undefined;
  return {
    ...security,
    ...(security.oauth !== undefined &&
      oauth !== undefined && {
        oauth: oauthBy(context, [...path, 'oauth'], security.oauth, oauth),
      }),
    ...(security.authorization !== undefined &&
      authorization !== undefined && {
        authorization: {
          ...security.authorization,
          ...(authorization.kinds !== undefined && { kinds: authorization.kinds }),
          ...(authorization.celErrorAction !== undefined && { celErrorAction: authorization.celErrorAction }),
        },
      }),
    ...(revocation !== undefined && { revocation: revocationOf(revocation) }),
    ...(egress !== undefined && { egress: egressOf(egress) }),
  };
}

function oauthBy(
  context: RouteContext,
  path: JsonPath,
  oauth: OAuthConfig,
  settings: NonNullable<SecuritySettings['oauth']>,
): OAuthConfig {
  const { issuers, relayServerMetadata, isDefault, ...judging } = settings;
  const tokens = tokensOf(context, path, judging);
  return {
    ...oauth,
    ...(Object.keys(tokens).length > 0 && { tokens }),
    ...(issuers !== undefined && {
      furtherIssuers: issuers.map(({ issuer, audiences = [], jwksUri, ...rest }, i): FurtherIssuer => ({
        issuer,
        audiences: audiences.length === 0 ? [oauth.metadata.resource] : audiences,
        keys: jwksUri === undefined ? { kind: 'discovered' } : { kind: 'remote', url: jwksUri, cacheMs: 300_000 },
        tokens: tokensOf(context, [...path, 'issuers', i], rest),
      })),
    }),
    ...(relayServerMetadata === true && { relaysServerMetadata: true }),
    ...(isDefault === true && { isDefault: true }),
  };
}

function tokensOf(context: RouteContext, path: JsonPath, text: TokenText): TokenConfig {
  const { allowAnyAudience, audienceClaims, allowClientAudience, requireAtJwt, maxTokenAge, impliedScopes } = text;
  const { bindClaim, introspection } = text;
  const client = introspection === undefined ? undefined : clientOf(context, [...path, 'introspection'], introspection);
  return {
    ...(allowAnyAudience !== undefined && { allowAnyAudience }),
    ...(audienceClaims !== undefined && { audienceClaims }),
    ...(allowClientAudience !== undefined && { allowClientAudience }),
    ...(requireAtJwt !== undefined && { requireAtJwt }),
    ...(maxTokenAge !== undefined && { maxTokenAgeSeconds: Math.floor(durationMs(maxTokenAge) / 1_000) }),
    ...(impliedScopes !== undefined && { impliedScopes }),
    ...(bindClaim !== undefined && { bindClaim }),
    ...(introspection !== undefined &&
      client !== undefined && {
        introspection: {
          ...client,
          ...(introspection.endpoint !== undefined && { endpoint: introspection.endpoint }),
          ...(introspection.always !== undefined && { always: introspection.always }),
          ...(introspection.allowMissingAudience !== undefined && {
            allowMissingAudience: introspection.allowMissingAudience,
          }),
        },
      }),
  };
}

/** Undefined if it is invalid. */
function clientOf(context: RouteContext, path: JsonPath, text: ClientText): OAuthClientIdentity | undefined {
  const { clientId, clientSecret, clientSecretRef, privateKeyRef, algorithm, keyId, method } = text;
  const given = [clientSecret, clientSecretRef, text.privateKey, privateKeyRef].filter((one) => one !== undefined);
  if (given.length > 1) fault(context, path, 'several credentials of one client', 'Keep one of them');
  const referred = (name: string, ref: typeof clientSecretRef, key: string): string | undefined => {
    const held = ref === undefined ? undefined : secretOf(context, [...path, name], ref);
    return held === undefined ? undefined : valueUnder(context, [...path, name], held.values, key);
  };
  const isSigned = text.privateKey !== undefined || privateKeyRef !== undefined;
  if (isSigned) {
    const privateKey = text.privateKey ?? referred('privateKeyRef', privateKeyRef, privateKeyKey);
    const kid = keyId === undefined ? {} : { kid: keyId };
    if (privateKey === undefined) return undefined;
    return { clientId, credential: { method: 'private_key_jwt', privateKey, algorithm, ...kid } };
  }
  if (clientSecretRef === undefined)
    return {
      clientId,
      credential: clientSecret === undefined ? { method: 'none' } : { method, secret: clientSecret },
    };
  const secret = referred('clientSecretRef', clientSecretRef, secretKey);
  return secret === undefined ? undefined : { clientId, credential: { method, secret: secret.trim() } };
}

/** A token that the gateway gets for a backend; undefined if it is invalid. */
export function grantOf(context: RouteContext, path: JsonPath, text: GrantText): UpstreamGrant | undefined {
  if (text.userConsent !== undefined) return consentOf(context, [...path, 'userConsent'], text.userConsent);
  const kind = text.tokenExchange === undefined ? 'clientCredentials' : 'tokenExchange';
  const written = text[kind];
  if (written === undefined) return undefined;
  const client = clientOf(context, [...path, kind], written);
  if (client === undefined) return undefined;
  const { issuer, tokenEndpoint, resource, audience, scopes, egress } = written;
  const { assertedAt: asserted, subjectTokenType } = text.tokenExchange ?? {};
  const assertedClient = asserted && clientOf(context, [...path, kind, 'assertedAt'], asserted);
  if (asserted !== undefined && audience !== undefined)
    fault(context, [...path, kind, 'audience'], 'the audience of an assertion is its server', 'Take it out');
  return {
    kind,
    ...client,
    issuer,
    ...(tokenEndpoint !== undefined && { tokenEndpoint }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
    ...(scopes !== undefined && { scopes }),
    ...(egress !== undefined && { egress: egressOf(egress) }),
    ...(subjectTokenType !== undefined && { subjectTokenType }),
    ...(asserted !== undefined &&
      assertedClient !== undefined && {
        assertedAt: {
          ...assertedClient,
          issuer: asserted.issuer,
          ...(asserted.tokenEndpoint !== undefined && { tokenEndpoint: asserted.tokenEndpoint }),
        },
      }),
  };
}

function consentOf(
  context: RouteContext,
  path: JsonPath,
  {
    clientId = '',
    issuer,
    resource,
    omitResource,
    audience,
    assumePkce,
    scopes,
    egress,
    ...credential
  }: NonNullable<GrantText['userConsent']>,
): UpstreamGrant | undefined {
  const client = clientOf(context, path, { ...credential, clientId });
  if (client === undefined) return undefined;
  if (clientId === '' && client.credential.method !== 'none')
    fault(context, path, 'the credential of a client without "clientId"', 'Give its id');
  return {
    kind: 'userConsent',
    ...client,
    issuer,
    ...(resource !== undefined && { resource }),
    ...(omitResource === true && { omitsResource: true }),
    ...(audience !== undefined && { audience }),
    ...(assumePkce === true && { assumesPkce: true }),
    ...(scopes !== undefined && { scopes }),
    ...(egress !== undefined && { egress: egressOf(egress) }),
  };
}

function revocationOf({
  notBefore,
  principals,
  tokens,
}: NonNullable<SecuritySettings['revocation']>): RevocationConfig {
  return {
    ...(notBefore !== undefined && { notBefore: secondsOf(notBefore) }),
    principals: (principals ?? []).map(({ issuer, subject, notBefore: from }) => ({
      iss: issuer,
      sub: subject,
      ...(from !== undefined && { notBefore: secondsOf(from) }),
    })),
    tokens: tokens ?? [],
  };
}

function secondsOf(moment: string): number {
  return Math.floor(Date.parse(moment) / 1_000);
}

function egressOf(text: NonNullable<SecuritySettings['egress']>): EgressConfig {
  const { allowLoopback, allowPrivate, allowPlainPrivate } = text;
  return {
    ...(allowLoopback !== undefined && { allowLoopback }),
    ...(allowPrivate !== undefined && { allowPrivate }),
    ...(allowPlainPrivate !== undefined && { allowPlainPrivate }),
  };
}
