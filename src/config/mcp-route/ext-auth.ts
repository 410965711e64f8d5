/** Reads `securityPolicy.extAuth`: the external authorization server, and the data that it gets. */
import { isHeaderName, isUnforwarded } from '../headers.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { UpstreamTls } from '../model.ts';
import type { ExtAuthConfig } from '../security.ts';
import { destinationOf } from './backend.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import { durationMs } from './duration.ts';
import { localValues, valueUnder } from './secrets.ts';
import type { ExtAuthText } from './security-shape.ts';

/* The defaults of Envoy Gateway. */
const defaultTimeoutMs = 10_000;
const defaultStatus = 403;

/** Undefined if it is invalid. */
export function extAuthOf(context: RouteContext, path: JsonPath, text: ExtAuthText): ExtAuthConfig | undefined {
  const protocol = text.grpc === undefined ? 'http' : 'grpc';
  const server = text.grpc ?? text.http;
  if (server === undefined) return undefined;
  const at = [...path, protocol];
  const refs =
    server.backendRefs !== undefined && server.backendRefs.length > 0
      ? server.backendRefs.map((ref, i) => ({ ref, where: [...at, 'backendRefs', i] }))
      : server.backendRef === undefined
        ? []
        : [{ ref: server.backendRef, where: [...at, 'backendRef'] }];
  const tls = new Map<string, UpstreamTls>();
  const asked = refs.filter(({ ref }) => !('weight' in ref) || ref.weight !== 0);
  if (asked.length === 0 && refs.length > 0)
    fault(context, at, 'no server with a weight above 0', 'Give one of them a weight');
  for (const { ref, where } of asked) {
    if ('weight' in ref && ref.weight !== 1)
      warn(context, [...where, 'weight'], 'passed over: the servers are asked in their order');
    if ('fallback' in ref && ref.fallback === true)
      warn(context, [...where, 'fallback'], 'passed over: the servers are asked in their order');
  }
  const urls = asked.flatMap(({ ref, where }) => {
    const destination = destinationOf(context, where, ref);
    if (destination?.socketPath !== undefined)
      fault(context, where, 'a Unix socket, over which no check is asked', 'Give an address');
    if (destination?.tls !== undefined && protocol === 'grpc') tls.set(destination.origin, destination.tls);
    else if (destination?.tls !== undefined && !isUsual(destination.origin, destination.tls))
      fault(
        context,
        where,
        'TLS settings of its own, which a check over HTTP does not have',
        'Use gRPC, or a public certificate',
      );
    return destination === undefined ? [] : [destination.origin];
  });
  if (server.backendSettings !== undefined)
    warn(context, [...at, 'backendSettings'], 'passed over; "timeout" of extAuth counts');
  if (text.recomputeRoute === true)
    warn(context, [...path, 'recomputeRoute'], 'passed over: the route is found before the service is asked');
  if (text.includeRouteMetadata === true)
    warn(context, [...path, 'includeRouteMetadata'], 'passed over: the service is told nothing of the route');
  const { pathPrefix, pathOverride } = pathsOf(context, at, text.http);
  const shown = text.headersToExtAuth;
  const contextExtensions = extensionsOf(context, [...path, 'contextExtensions'], text.contextExtensions ?? []);
  if (protocol === 'http' && contextExtensions.length > 0)
    warn(context, [...path, 'contextExtensions'], 'passed over: only gRPC has them');
  if (asked.length === 0 || urls.length < asked.length) return undefined;
  return {
    protocol,
    urls,
    ...(tls.size > 0 && { tls }),
    ...(pathPrefix !== undefined && { pathPrefix }),
    ...(pathOverride !== undefined && { pathOverride }),
    headersToBackend: told(context, [...at, 'headersToBackend'], text.http?.headersToBackend ?? []),
    ...(shown !== undefined && { headersToExtAuth: headers(context, [...path, 'headersToExtAuth'], shown) }),
    ...(text.bodyToExtAuth !== undefined && { maxBodyBytes: text.bodyToExtAuth.maxRequestBytes }),
    timeoutMs: text.timeout === undefined ? defaultTimeoutMs : durationMs(text.timeout),
    failOpen: text.failOpen,
    statusOnError: text.statusOnError ?? defaultStatus,
    contextExtensions,
  };
}

/* Whether the TLS settings are the default verification. */
function isUsual(origin: string, tls: UpstreamTls): boolean {
  return Object.entries(tls).every(([name, value]) => name === 'serverName' && value === new URL(origin).hostname);
}

function pathsOf(
  context: RouteContext,
  at: JsonPath,
  http: ExtAuthText['http'],
): { readonly pathPrefix: string | undefined; readonly pathOverride: string | undefined } {
  for (const name of ['path', 'pathOverride'] as const) {
    const written = http?.[name];
    if (written !== undefined && !/^\/[^#\s]*$/.test(written))
      fault(context, [...at, name], 'not the path of a URL', 'Begin it with "/"');
  }
  return { pathPrefix: http?.path, pathOverride: http?.pathOverride };
}

function headers(context: RouteContext, path: JsonPath, written: readonly string[]): readonly string[] {
  return written.map((name, i) => {
    if (!isHeaderName(name)) fault(context, [...path, i], 'not the name of a header', 'Give a name such as X-User');
    return name.toLowerCase();
  });
}

/** Those of its answer that backends get. */
function told(context: RouteContext, path: JsonPath, written: readonly string[]): readonly string[] {
  const names = headers(context, path, written);
  for (const [i, name] of names.entries())
    if (isUnforwarded(name))
      fault(context, [...path, i], 'a header that the gateway sets itself, or that belongs to one hop', 'Take it out');
  return names;
}

function extensionsOf(
  context: RouteContext,
  path: JsonPath,
  written: NonNullable<ExtAuthText['contextExtensions']>,
): ExtAuthConfig['contextExtensions'] {
  return written.flatMap(({ name, value, valueRef }, i) => {
    if (value !== undefined) return [{ name, value }];
    if (valueRef === undefined) return [];
    const at = [...path, i, 'valueRef'];
    const values = localValues(context, at, valueRef);
    const found = values === undefined ? undefined : valueUnder(context, at, values, valueRef.key);
    return found === undefined ? [] : [{ name, value: found }];
  });
}
