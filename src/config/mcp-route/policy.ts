/** Reads `securityPolicy` of a route, with the referenced Secrets and ConfigMaps. */
import { Environment as CelEnvironment } from '@marcbachmann/cel-js';
import { isHeaderName, isUnforwarded } from '../headers.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { nearest } from '../nearest.ts';
import type {
  ApiKeyAuthConfig,
  AuthorizationConfig,
  AuthorizationRule,
  BackendSelectorConfig,
  JwksSource,
  OAuthConfig,
  RouteSecurity,
} from '../security.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import { durationMs } from './duration.ts';
import { extAuthOf } from './ext-auth.ts';
import type { RouteSpec } from './route-shape.ts';
import { localValues, secretOf } from './secrets.ts';
import type { OAuthText, RuleText, SecurityText } from './security-shape.ts';

/** `upstreams`: the ids of the upstreams, keyed by their names in the file. */
export function securityOf(
  context: RouteContext,
  path: JsonPath,
  text: SecurityText,
  upstreams: ReadonlyMap<string, string>,
): RouteSecurity {
  const { oauth, apiKeyAuth, extAuth, authorization } = text;
  const keys = apiKeyAuth === undefined ? undefined : apiKeyAuthOf(context, [...path, 'apiKeyAuth'], apiKeyAuth);
  const check = extAuth === undefined ? undefined : extAuthOf(context, [...path, 'extAuth'], extAuth);
  return {
    ...(oauth !== undefined && { oauth: oauthOf(context, [...path, 'oauth'], oauth) }),
    ...(keys !== undefined && { apiKeyAuth: keys }),
    ...(check !== undefined && { extAuth: check }),
    ...(authorization !== undefined && {
      authorization: authorizationOf(context, [...path, 'authorization'], authorization, upstreams),
    }),
  };
}

function oauthOf(context: RouteContext, path: JsonPath, text: OAuthText): OAuthConfig {
  const written = text.protectedResourceMetadata;
  const { resource, resourceName, resourceDocumentation, resourcePolicyUri } = written;
  const algorithms = written.resourceSigningAlgValuesSupported;
  if (text.audiences === undefined || text.audiences.length === 0)
    warn(context, path, 'no "audiences": a token must be meant for the "resource"');
  for (const [name, uri] of [
    ['resource', resource],
    ['issuer', text.issuer],
  ] as const) {
    const where = name === 'issuer' ? [...path, name] : [...path, 'protectedResourceMetadata', name];
    // RFC 9728 §1.2 and RFC 8414 §2.
    if (uri.includes('#')) fault(context, where, 'a fragment, which it must not have', 'Take out "#" and what follows');
  }
  return {
    issuer: text.issuer,
    audiences: text.audiences === undefined || text.audiences.length === 0 ? [resource] : text.audiences,
    keys: keysOf(context, [...path, 'jwks'], text.jwks),
    metadata: {
      resource,
      scopesSupported: written.scopesSupported ?? [],
      ...(resourceName !== undefined && { resourceName }),
      ...(algorithms !== undefined && { resourceSigningAlgValuesSupported: algorithms }),
      ...(resourceDocumentation !== undefined && { resourceDocumentation }),
      ...(resourcePolicyUri !== undefined && { resourcePolicyUri }),
    },
    claimToHeaders: (text.claimToHeaders ?? []).map(({ claim, header }, i) => {
      checkHeader(context, [...path, 'claimToHeaders', i, 'header'], header);
      return { claim, header: header.toLowerCase() };
    }),
  };
}

/** Of a header that backends are told something in. */
function checkHeader(context: RouteContext, path: JsonPath, name: string): void {
  if (!isHeaderName(name)) fault(context, path, 'not the name of a header', 'Give a name such as X-User');
  else if (isUnforwarded(name.toLowerCase()))
    fault(context, path, 'a header that the gateway sets itself, or that belongs to one hop', 'Choose another name');
}

function keysOf(context: RouteContext, path: JsonPath, jwks: OAuthText['jwks']): JwksSource {
  const { remoteJWKS: remote, localJWKS: local } = jwks ?? {};
  if (remote !== undefined) {
    const at = [...path, 'remoteJWKS'];
    const url = URL.parse(remote.uri);
    if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
      fault(context, [...at, 'uri'], 'not a web address', 'Give an http:// or https:// URL');
    for (const name of ['backendRefs', 'backendSettings'] as const)
      if (remote[name] !== undefined) warn(context, [...at, name], 'passed over: the keys are fetched from the "uri"');
    return { kind: 'remote', url: remote.uri, cacheMs: durationMs(remote.cacheDuration) };
  }
  if (local === undefined) return { kind: 'discovered' };
  const at = [...path, 'localJWKS'];
  if (local.inline !== undefined) return localKeys(context, [...at, 'inline'], local.inline);
  const where = [...at, 'valueRef'];
  const values = local.valueRef === undefined ? undefined : localValues(context, where, local.valueRef);
  if (values === undefined) return localKeys(context, where, undefined);
  const text = values.get('jwks') ?? values.values().next().value;
  if (text === undefined) fault(context, where, 'it holds no key "jwks"', 'Put the keys under "jwks"');
  return localKeys(context, where, text);
}

function localKeys(context: RouteContext, path: JsonPath, text: string | undefined): JwksSource {
  if (text !== undefined) {
    const keys = keySet(text);
    if (keys === undefined)
      fault(context, path, 'not a JWK Set', 'Give JSON such as {"keys": [{"kty": "RSA", …}]} (RFC 7517 §5)');
    else if (keys.some((key) => key !== null && typeof key === 'object' && 'd' in key))
      warn(context, path, 'holds a private key; only the public part belongs here');
  }
  return { kind: 'local', text: text ?? '{"keys":[]}' };
}

function keySet(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && 'keys' in value && Array.isArray(value.keys)
      ? value.keys
      : undefined;
  } catch {
    return undefined;
  }
}

function apiKeyAuthOf(
  context: RouteContext,
  path: JsonPath,
  text: NonNullable<SecurityText['apiKeyAuth']>,
): ApiKeyAuthConfig | undefined {
  const credentials = new Map<string, string>();
  let complete = text.credentialRefs.length > 0;
  if (!complete) fault(context, [...path, 'credentialRefs'], 'an empty list', 'Name the Secret that holds the keys');
  for (const [i, ref] of text.credentialRefs.entries()) {
    const at = [...path, 'credentialRefs', i];
    const secret = secretOf(context, at, ref);
    if (secret === undefined) complete = false;
    for (const [client, value] of secret?.values ?? []) {
      const key = value.trim();
      if (key === '') fault(context, at, 'the key of a client is empty', 'Give it one, or take the client out');
      else if (!credentials.has(client) && [...credentials.values()].includes(key))
        fault(context, at, 'two clients have one key', 'Give each client a key of its own');
      // The first one is used, as in Envoy Gateway.
      else if (credentials.has(client)) warn(context, at, 'a client stands in an earlier Secret as well, which counts');
      else credentials.set(client, key);
    }
  }
  const extractFrom = text.extractFrom.flatMap(({ headers = [], params = [], cookies = [] }, i) => {
    for (const [k, name] of headers.entries())
      if (!isHeaderName(name))
        fault(
          context,
          [...path, 'extractFrom', i, 'headers', k],
          'not the name of a header',
          'Give a name such as X-Api-Key',
        );
    return [
      ...headers.map((name) => ({ in: 'header' as const, name: name.toLowerCase() })),
      ...params.map((name) => ({ in: 'query' as const, name })),
      ...cookies.map((name) => ({ in: 'cookie' as const, name })),
    ];
  });
  if (extractFrom.length === 0) {
    complete = false;
    fault(context, [...path, 'extractFrom'], 'no place where the key is looked for', 'Give headers, params or cookies');
  }
  const told = text.forwardClientIDHeader;
  if (told !== undefined) checkHeader(context, [...path, 'forwardClientIDHeader'], told);
  if (!complete) return undefined;
  return {
    credentials: Array.from(credentials, ([client, key]) => ({ client, key })),
    extractFrom,
    sanitize: text.sanitize ?? false,
    ...(told !== undefined && { forwardClientIdHeader: told.toLowerCase() }),
  };
}

function authorizationOf(
  context: RouteContext,
  path: JsonPath,
  text: NonNullable<SecurityText['authorization']>,
  upstreams: ReadonlyMap<string, string>,
): AuthorizationConfig {
  return {
    defaultAction: text.defaultAction,
    rules: (text.rules ?? []).map((rule, i) => ruleOf(context, [...path, 'rules', i], rule, upstreams)),
  };
}

/** A rule of the policy, or of the settings. `upstreams`: see `securityOf`. */
export function ruleOf(
  context: RouteContext,
  path: JsonPath,
  { action, source, target, cel }: RuleText,
  upstreams: ReadonlyMap<string, string>,
): AuthorizationRule {
  if (cel !== undefined) checkCel(context, [...path, 'cel'], cel);
  const { tools, prompts, resources } = target ?? {};
  const idOf = (kind: string, at: number, backend: string): string => {
    const upstream = upstreams.get(backend);
    if (upstream === undefined) {
      const near = nearest(backend, upstreams.keys());
      warn(
        context,
        [...path, 'target', kind, at, 'backend'],
        `the route has no such backend${near === undefined ? '' : ` (is it "${near}"?)`}, so this matches nothing`,
      );
    }
    return upstream ?? backend;
  };
  return {
    action,
    ...(source !== undefined && {
      source: { scopes: source.jwt.scopes ?? [], claims: source.jwt.claims ?? [] },
    }),
    ...(tools !== undefined && {
      tools: tools.map(({ backend, tool }, at) => ({ upstream: idOf('tools', at, backend), tool })),
    }),
    ...(prompts !== undefined && {
      prompts: prompts.map(({ backend, prompt }, at) => ({
        upstream: idOf('prompts', at, backend),
        ...(prompt !== undefined && { prompt }),
      })),
    }),
    ...(resources !== undefined && {
      resources: resources.map(({ backend, uri }, at) => ({
        upstream: idOf('resources', at, backend),
        ...(uri !== undefined && { uri }),
      })),
    }),
    ...(cel !== undefined && { cel }),
  };
}

export function backendSelectorOf(
  context: RouteContext,
  path: JsonPath,
  text: NonNullable<RouteSpec['backendSelector']>,
): BackendSelectorConfig {
  return {
    defaultAction: text.defaultAction,
    rules: (text.rules ?? []).map(({ action, cel }, i) => {
      if (cel !== undefined) checkCel(context, [...path, 'rules', i, 'cel'], cel);
      return { action, ...(cel !== undefined && { cel }) };
    }),
  };
}

const cel = new CelEnvironment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });

function checkCel(context: RouteContext, path: JsonPath, expression: string): void {
  try {
    cel.parse(expression);
  } catch {
    fault(context, path, 'not an expression of CEL', 'See github.com/google/cel-spec; "request" is what it looks at');
  }
}
