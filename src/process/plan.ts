/** A resolved configuration for people and programs: complete, and without secrets. */
import type { Config, NameSelector, RouteConfig, UpstreamConfig, UpstreamLimits } from '../config/model.ts';
import { routeKey } from '../config/model.ts';
import type {
  AuthorizationConfig,
  JwksSource,
  OAuthConfig,
  RouteSecurity,
  TokenConfig,
  UpstreamGrant,
} from '../config/security.ts';
import { shownTarget, shownUrl } from '../config/shown.ts';
import { columns } from './columns.ts';

/** For a terminal. Each line begins with two spaces. */
export function planText({ routes }: Config): string {
  let text = '';
  for (const route of routes) {
    const count = route.upstreams.length;
    text += `  ${placesOf(route)}  route "${routeKey(route)}", ${count} upstream${count === 1 ? '' : 's'}\n`;
    for (const line of routeLines(route)) text += `    ${line}\n`;
    for (const line of columns(route.upstreams.map(upstreamRow))) text += `    ${line}\n`;
  }
  return text;
}

/** For a program: JSON with two spaces of indentation. */
export function planJson(config: Config): string {
  return `${JSON.stringify(planOf(config), undefined, 2)}\n`;
}

/** The same as a value. */
export function planOf({ routes, warnings }: Config): object {
  return { routes: routes.map(routePlan), warnings };
}

function placesOf({ hosts, path }: RouteConfig): string {
  return (hosts ?? ['']).map((host) => host + path).join(', ');
}

function routeLines(route: RouteConfig): readonly string[] {
  const { headers = [], ports, certificates = [], security, backendSelector } = route;
  const lines: string[] = [];
  const isSecured = (port: number): boolean => certificates.some((one) => one.port === port);
  if (ports !== undefined)
    lines.push(`ports: ${ports.map((port) => `${port}${isSecured(port) ? ' with TLS' : ''}`).join(', ')}`);
  if (headers.length > 0)
    lines.push(
      `headers: ${headers.map((one) => `${one.name} ${one.kind === 'exact' ? '=' : '~'} ${one.value}`).join(', ')}`,
    );
  if (security !== undefined) lines.push(...securityLines(security));
  if (backendSelector !== undefined) {
    const { rules, defaultAction } = backendSelector;
    lines.push(`backend selector: ${counted(rules.length, 'rule')}, else ${defaultAction}`);
  }
  return lines;
}

function securityLines({ oauth, apiKeyAuth, extAuth, authorization }: RouteSecurity): readonly string[] {
  const lines: string[] = [];
  if (oauth !== undefined) {
    const scopes = oauth.metadata.scopesSupported;
    lines.push(
      `oauth: issuer ${shownIssuer(oauth.issuer)}; audiences ${oauth.audiences.join(', ')}; keys ${keysText(oauth.keys)}`,
      `  resource ${oauth.metadata.resource}${scopes.length > 0 ? `; scopes ${scopes.join(' ')}` : ''}`,
    );
    if (oauth.claimToHeaders.length > 0)
      lines.push(`  claims: ${oauth.claimToHeaders.map(({ claim, header }) => `${claim} as ${header}`).join(', ')}`);
  }
  if (apiKeyAuth !== undefined) {
    const places = apiKeyAuth.extractFrom.map((one) => `${one.in} ${one.name}`);
    lines.push(`api keys: ${counted(apiKeyAuth.credentials.length, 'client')}, from ${places.join(', ')}`);
  }
  if (extAuth !== undefined) {
    const { protocol, urls, maxBodyBytes, failOpen, statusOnError } = extAuth;
    const parts = [
      `external authorization: ${protocol} ${urls.map(shownUrl).join(', ')}`,
      maxBodyBytes === undefined ? '' : `bodies up to ${maxBodyBytes} bytes`,
      failOpen ? 'fails open' : `${statusOnError} when it fails`,
    ];
    lines.push(parts.filter((part) => part !== '').join('; '));
  }
  if (authorization !== undefined) lines.push(...authorizationLines(authorization));
  return lines;
}

/** An issuer is compared exactly, so no slash may be added. */
function shownIssuer(issuer: string): string {
  const shown = shownUrl(issuer);
  return issuer.endsWith('/') ? shown : shown.replace(/\/$/, '');
}

function keysText(keys: JwksSource): string {
  if (keys.kind === 'remote') return `from ${shownUrl(keys.url)}`;
  return keys.kind === 'local' ? 'given' : 'discovered';
}

function authorizationLines({ rules, defaultAction }: AuthorizationConfig): readonly string[] {
  const lines = rules.map(({ action, source, tools, cel }) => {
    const parts = [
      source !== undefined && source.scopes.length > 0 ? `scopes ${source.scopes.join(' ')}` : '',
      source !== undefined && source.claims.length > 0
        ? `claims ${source.claims.map(({ name }) => name).join(', ')}`
        : '',
      tools === undefined ? 'all tools' : tools.map(({ upstream, tool }) => `${upstream}/${tool}`).join(', '),
      cel === undefined ? '' : 'CEL',
    ];
    return `  ${action}: ${parts.filter((part) => part !== '').join('; ')}`;
  });
  return ['authorization:', ...lines, `  else ${defaultAction}`];
}

function upstreamRow(upstream: UpstreamConfig): readonly string[] {
  const { transport, forwardHeaders, forwardedAs = [] } = upstream;
  const { credential, grant } = upstream;
  const rest = [
    `timeout ${upstream.timeoutMs / 1_000} s`,
    selectorText('tools', upstream.tools),
    upstream.prompts === undefined ? '' : selectorText('prompts', upstream.prompts),
    upstream.resources === undefined ? '' : selectorText('resources', upstream.resources),
    upstream.onSessionLoss === 'error' ? 'a lost session is an error' : '',
    // The names of headers are not secret; their values are.
    transport.kind !== 'stdio' && transport.headers.length > 0 && credential === undefined
      ? `headers ${transport.headers.map(([name]) => name).join(', ')}`
      : '',
    credential === undefined ? '' : `key of ${credential.from} in ${credential.in} ${credential.name}`,
    grant === undefined ? '' : `token by ${grant.kind} of ${shownIssuer(grant.issuer)}`,
    forwardHeaders.length > 0
      ? `forwards ${forwardHeaders.map((name) => forwardText(name, forwardedAs)).join(', ')}`
      : '',
    transport.kind === 'http' && transport.socketPath !== undefined ? `by socket ${transport.socketPath}` : '',
    transport.kind === 'http' && transport.tls?.verify === false ? 'certificate not verified' : '',
    ...limitsText(upstream.limits),
    upstream.overrides === undefined ? '' : `${counted(upstream.overrides.size, 'tool')} overridden`,
  ];
  return [upstream.id, transport.kind, shownTarget(transport), rest.filter((part) => part !== '').join('; ')];
}

function forwardText(name: string, renamed: readonly (readonly [string, string])[]): string {
  const as = renamed.flatMap(([from, to]) => (from === name ? [to] : []));
  return as.length === 0 ? name : `${name} as ${as.join(' and ')}`;
}

function patterns(of: readonly string[]): readonly string[] {
  return of.map((pattern) => `/${pattern}/`);
}

function selectorText(what: string, selector: NameSelector): string {
  const { include, exclude, includePatterns = [], excludePatterns = [] } = selector;
  const shown = [...(include ?? []), ...patterns(includePatterns)];
  const hidden = [...exclude, ...patterns(excludePatterns)];
  const isAll = include === undefined && includePatterns.length === 0;
  return `${isAll ? `all ${what}` : `${what} ${shown.join(', ') || 'none'}`}${hidden.length === 0 ? '' : ` but ${hidden.join(', ')}`}`;
}

function limitsText(limits: UpstreamLimits | undefined): readonly string[] {
  if (limits === undefined) return [];
  const { connectTimeoutMs, firstByteTimeoutMs, callTimeoutMs, retries, breaker, concurrency } = limits;
  return [
    time('connect', connectTimeoutMs),
    time('first byte', firstByteTimeoutMs),
    time('call', callTimeoutMs),
    retries === undefined ? '' : counted(retries.attempts, 'retry'),
    breaker === undefined
      ? ''
      : breaker === 'off'
        ? 'no breaker'
        : `breaker after ${breaker.failures} for ${breaker.openMs / 1_000} s`,
    concurrency === undefined ? '' : `${concurrency.calls} calls at once, ${concurrency.queue} waiting`,
  ];
}

function time(name: string, ms: number | undefined): string {
  return ms === undefined ? '' : `${name} ${ms / 1_000} s`;
}

function counted(count: number, thing: string): string {
  if (count === 1) return `1 ${thing}`;
  return `${count} ${thing.endsWith('y') ? `${thing.slice(0, -1)}ies` : `${thing}s`}`;
}

function routePlan(route: RouteConfig): unknown {
  const { hosts, path, ports, headers, security, backendSelector, certificates = [] } = route;
  return {
    route: routeKey(route),
    path,
    hosts: hosts ?? null,
    ports: ports ?? null,
    certificates: certificates.map(({ port, host }) => ({ port, host: host ?? null })),
    headers: headers ?? [],
    upstreams: route.upstreams.map(upstreamPlan),
    security: security === undefined ? null : securityPlan(security),
    backendSelector: backendSelector ?? null,
  };
}

function upstreamPlan(upstream: UpstreamConfig): unknown {
  const { transport, prompts, resources, overrides, forwardedAs = [] } = upstream;
  return {
    id: upstream.id,
    name: upstream.name,
    transport: transport.kind,
    target: shownTarget(transport),
    ...(transport.kind === 'http' && {
      socketPath: transport.socketPath,
      tls:
        transport.tls === undefined
          ? undefined
          : {
              serverName: transport.tls.serverName,
              authorities: transport.tls.ca === undefined ? 'public' : 'given',
              clientCertificate: transport.tls.clientCertificate !== undefined,
              verified: transport.tls.verify !== false,
            },
    }),
    headers: transport.kind === 'stdio' ? [] : transport.headers.map(([name]) => name),
    credential: upstream.credential ?? null,
    grant: upstream.grant === undefined ? undefined : grantPlan(upstream.grant),
    public: upstream.isPublic === true,
    forwardHeaders: upstream.forwardHeaders,
    forwardedAs: forwardedAs.map(([name, as]) => ({ name, as })),
    era: upstream.era,
    onSessionLoss: upstream.onSessionLoss,
    timeoutMs: upstream.timeoutMs,
    limits: upstream.limits ?? {},
    tools: selectorPlan(upstream.tools),
    prompts: prompts === undefined ? null : selectorPlan(prompts),
    resources: resources === undefined ? null : selectorPlan(resources),
    // The values of presets may be secrets.
    overrides: Array.from(overrides ?? [], ([tool, { arguments: changed, ...rest }]) => ({
      tool,
      ...rest,
      arguments: Array.from(changed ?? [], ([name, one]) => ({ name, hidden: one.hidden, preset: 'preset' in one })),
    })),
  };
}

function selectorPlan({ include, exclude, includePatterns, excludePatterns }: NameSelector): unknown {
  return {
    include: include === undefined ? null : [...include],
    includeRegex: includePatterns ?? null,
    exclude: [...exclude],
    excludeRegex: excludePatterns ?? [],
  };
}

function securityPlan({ oauth, apiKeyAuth, extAuth, authorization, revocation, egress }: RouteSecurity): unknown {
  return {
    oauth: oauth === undefined ? null : oauthPlan(oauth),
    apiKeyAuth:
      apiKeyAuth === undefined
        ? null
        : { ...apiKeyAuth, credentials: apiKeyAuth.credentials.map(({ client }) => client) },
    extAuth:
      extAuth === undefined
        ? null
        : {
            ...extAuth,
            urls: extAuth.urls.map(shownUrl),
            tls: undefined,
            contextExtensions: extAuth.contextExtensions.map(({ name }) => name),
          },
    authorization: authorization ?? null,
    revocation: revocation ?? null,
    egress: egress ?? null,
  };
}

function oauthPlan(oauth: OAuthConfig): unknown {
  const { keys, tokens, furtherIssuers } = oauth;
  return {
    ...oauth,
    keys: keysPlan(keys),
    tokens: tokensPlan(tokens),
    furtherIssuers: furtherIssuers?.map((one) => ({
      ...one,
      keys: keysPlan(one.keys),
      tokens: tokensPlan(one.tokens),
    })),
  };
}

function keysPlan(keys: JwksSource): unknown {
  if (keys.kind === 'local') return { kind: 'local' };
  return keys.kind === 'remote' ? { ...keys, url: shownUrl(keys.url) } : keys;
}

function tokensPlan(tokens: TokenConfig | undefined): unknown {
  if (tokens?.introspection === undefined) return tokens;
  const { endpoint, credential, ...rest } = tokens.introspection;
  const shown = endpoint === undefined ? undefined : shownUrl(endpoint);
  return { ...tokens, introspection: { ...rest, endpoint: shown, credential: { method: credential.method } } };
}

function grantPlan({ kind, issuer, clientId, credential, scopes }: UpstreamGrant): unknown {
  return { kind, issuer: shownIssuer(issuer), clientId, method: credential.method, scopes };
}
