/**
 * Writes the routes of an mcpServers file as Kubernetes objects, and reports what they cannot express. Credentials are written
 * into Secrets as in the file, so that a variable stays a variable.
 */
import type { NameSelector, RouteConfig, UpstreamConfig } from '../model.ts';
import { defaultTimeoutMs } from '../limits.ts';
import { credentialHeaders } from '../headers.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { settingsAnnotation } from './settings-shape.ts';
import { securityText } from './write-security.ts';
import { grantText, securitySettingsText, type KeepSecret } from './write-security-settings.ts';
import { settingsText } from './write-settings.ts';

export interface WriteOptions {
  readonly namespace: string;
  readonly gateway: string;
  /** Port of the listener of the Gateway. */
  readonly port: number;
  /** The header of a server as in the file, with its variables. */
  readonly writtenHeader: (server: string, header: string) => string | undefined;
  /** A query parameter of a URL as in the file, with its variables. */
  readonly writtenParameter: (server: string, parameter: string) => string | undefined;
  /** A text at a path of the file, with its variables. */
  readonly writtenText: (path: JsonPath) => string | undefined;
}

export interface Written {
  readonly objects: readonly object[];
  /** Each begins with the name of the route or server. */
  readonly lost: readonly string[];
}

const maxSelectorEntries = 32;

export function mcpRouteObjects(routes: readonly RouteConfig[], options: WriteOptions): Written {
  const lost: string[] = [];
  const gateway = object('gateway.networking.k8s.io/v1', 'Gateway', options.gateway, options, {
    spec: {
      gatewayClassName: options.gateway,
      listeners: [{ name: 'http', protocol: 'HTTP', port: options.port }],
    },
  });
  const byName = new Map<string, Backend>();
  for (const upstream of routes.flatMap((route) => route.upstreams)) {
    if (byName.has(upstream.name)) continue;
    const backend = backendOf(upstream, options, lost);
    if (backend !== undefined) byName.set(upstream.name, backend);
  }
  const written = routes.flatMap((route) => routeObject(route, byName, options, lost));
  return { objects: [...written, gateway, ...[...byName.values()].flatMap(({ objects }) => objects)], lost };
}

interface Backend {
  readonly name: string;
  readonly ref: object;
  readonly settings: object | undefined;
  readonly objects: readonly object[];
}

function object(
  apiVersion: string,
  kind: string,
  name: string,
  { namespace }: WriteOptions,
  rest: object,
  annotations?: Readonly<Record<string, string>>,
): object {
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(annotations !== undefined && { annotations }) },
    ...rest,
  };
}

function routeObject(
  route: RouteConfig,
  byName: ReadonlyMap<string, Backend>,
  options: WriteOptions,
  lost: string[],
): readonly object[] {
  const backends = route.upstreams.flatMap(({ name }) => byName.get(name) ?? []);
  if (backends.length === 0) {
    lost.push(`route ${route.name}: none of its servers can be carried`);
    return [];
  }
  // Without them the route would be open to whoever they are to keep out.
  if (route.security?.apiKeyAuth !== undefined || route.security?.extAuth !== undefined) {
    lost.push(`route ${route.name}: the whole route, as apiKeyAuth and extAuth need objects of a cluster`);
    return [];
  }
  const name = objectName(route.name);
  const secrets: object[] = [];
  const ofBackends = Object.fromEntries(
    backends.flatMap(({ name, settings }) => (settings === undefined ? [] : [[name, settings]])),
  );
  const ofSecurity =
    route.security === undefined
      ? undefined
      : securitySettingsText(
          route.security,
          name,
          ['manifold', 'routes', route.name, 'security'],
          keeper(secrets, options),
        );
  const settings = {
    ...(Object.keys(ofBackends).length > 0 && { backends: ofBackends }),
    ...(ofSecurity !== undefined && { security: ofSecurity }),
  };
  const annotations =
    Object.keys(settings).length === 0 ? undefined : { [settingsAnnotation]: JSON.stringify(settings, undefined, 2) };
  const names = new Map(
    route.upstreams.flatMap(({ id, name }) => {
      const backend = byName.get(name);
      return backend === undefined ? [] : [[id, backend.name] as const];
    }),
  );
  if (route.security?.authorization?.first !== undefined)
    lost.push(`route ${route.name}: the rules of its settings belong into the annotation "${settingsAnnotation}"`);
  const security = route.security === undefined ? undefined : securityText(route.security, names);
  const spec = {
    parentRefs: [{ name: options.gateway }],
    path: route.path,
    ...(route.hosts !== undefined && { hostnames: route.hosts }),
    ...(route.headers !== undefined && {
      headers: route.headers.map(({ name, kind, value }) => ({
        name,
        value,
        type: kind === 'exact' ? 'Exact' : 'RegularExpression',
      })),
    }),
    backendRefs: backends.map(({ ref }) => ref),
    ...(route.backendSelector !== undefined && { backendSelector: route.backendSelector }),
    ...(security !== undefined && { securityPolicy: security }),
  };
  if (name !== route.name) lost.push(`route ${route.name}: it is called "${name}"`);
  return [
    object('aigateway.envoyproxy.io/v1beta1', 'MCPRoute', name, options, { spec: escaped(spec) }, annotations),
    ...secrets,
  ];
}

/** Adds a Secret to `secrets` for each secret, as it stands in the file. */
function keeper(secrets: object[], options: WriteOptions): KeepSecret {
  return (name, key, value, path) => {
    const stringData = { [key]: options.writtenText(path) ?? value };
    secrets.push(object('v1', 'Secret', name, options, { type: 'Opaque', stringData }));
    return { name };
  };
}

/* Names of objects are DNS names (RFC 1123). */
function objectName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, 63);
  const start = plain.search(/[a-z0-9]/);
  return start === -1
    ? 'server'
    : plain
        .slice(start)
        .split('-')
        .filter((part) => part !== '')
        .join('-');
}

function backendOf(upstream: UpstreamConfig, options: WriteOptions, lost: string[]): Backend | undefined {
  const { transport } = upstream;
  const lose = (what: string): void => void lost.push(`server ${upstream.name}: ${what}`);
  if (transport.kind !== 'http') {
    lose(
      transport.kind === 'stdio'
        ? 'it is a program of this machine; a cluster needs it as a server with a URL'
        : 'it speaks the deprecated HTTP+SSE transport, which an MCPRoute cannot say',
    );
    return undefined;
  }
  const url = new URL(transport.url);
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  if (!isSecure && port === 443) {
    lose('it speaks plain HTTP on port 443, where TLS is taken for granted');
    return undefined;
  }
  if (transport.tls !== undefined || transport.socketPath !== undefined)
    lose('its "tls" and "unixSocket" name files of this machine; a Backend and a BackendTLSPolicy say the same');
  const name = objectName(upstream.id);
  if (name !== upstream.id) lose(`its tools begin with "${name}" in place of "${upstream.id}"`);
  const key = keyOf(upstream, url, options, lose);
  const selector = selectorOf(upstream.tools, lose);
  const ref = {
    group: 'gateway.envoyproxy.io',
    kind: 'Backend',
    name,
    path: url.pathname + (key?.isQuery === true ? '' : queryOf(upstream.name, url, options, lose)),
    ...(selector !== undefined && { toolSelector: selector }),
    ...(key !== undefined && {
      securityPolicy: {
        apiKey: {
          secretRef: { name: `${name}-key` },
          ...(key.isQuery ? { queryParam: key.name } : key.name !== undefined && { header: key.name }),
        },
      },
    }),
    ...(upstream.forwardHeaders.length > 0 && {
      forwardHeaders: upstream.forwardHeaders.map((one) => ({ name: one })),
    }),
  };
  const secrets: object[] = [];
  const grantPath = ['manifold', 'backends', upstream.name, 'grant'];
  return {
    name,
    ref,
    settings: settingsText(upstream, {
      defaultTimeoutMs,
      isAcknowledged: upstream.forwardHeaders.some((one) => credentialHeaders.has(one)),
      grant: upstream.grant && grantText(upstream.grant, `${name}-grant`, grantPath, keeper(secrets, options)),
    }),
    objects: [...backendObjects(name, url.hostname, port, isSecure, key?.value, options), ...secrets],
  };
}

function backendObjects(
  name: string,
  host: string,
  port: number,
  isSecure: boolean,
  key: string | undefined,
  options: WriteOptions,
): readonly object[] {
  const address = host.replace(/^\[|\]$/g, '');
  const isAddress = /^[0-9.]+$/.test(address) || address.includes(':');
  const endpoint = isAddress ? { ip: { address, port } } : { fqdn: { hostname: address, port } };
  return [
    object('gateway.envoyproxy.io/v1alpha1', 'Backend', name, options, { spec: { endpoints: [endpoint] } }),
    ...(isSecure && !isAddress
      ? [
          object('gateway.networking.k8s.io/v1', 'BackendTLSPolicy', `${name}-tls`, options, {
            spec: {
              targetRefs: [{ group: 'gateway.envoyproxy.io', kind: 'Backend', name }],
              validation: { wellKnownCACertificates: 'System', hostname: address },
            },
          }),
        ]
      : []),
    ...(key === undefined
      ? []
      : [object('v1', 'Secret', `${name}-key`, options, { type: 'Opaque', stringData: { apiKey: key } })]),
  ];
}

/* The value of a variable may be a secret, and a path is not protected. */
function queryOf(
  server: string,
  { search, searchParams }: URL,
  { writtenParameter }: WriteOptions,
  lose: (what: string) => void,
): string {
  const isVariable = [...searchParams.keys()].some((name) => writtenParameter(server, name)?.includes('${') === true);
  if (!isVariable) return search;
  lose('the query of its URL, which holds a variable');
  return '';
}

interface Key {
  readonly isQuery: boolean;
  /** Undefined: Authorization. */
  readonly name: string | undefined;
  readonly value: string;
}

/* An MCPRoute can contain one credential per backend. */
function keyOf(
  { name: server, transport }: UpstreamConfig,
  url: URL,
  { writtenHeader, writtenParameter }: WriteOptions,
  lose: (what: string) => void,
): Key | undefined {
  const keys: Key[] = [];
  for (const [name, value] of transport.kind === 'http' ? transport.headers : []) {
    const text = writtenHeader(server, name) ?? value;
    const isAuthorization = name.toLowerCase() === 'authorization';
    const bearer = /^Bearer +(\S.*)$/i.exec(text)?.[1];
    if (!isAuthorization) keys.push({ isQuery: false, name, value: text });
    else if (bearer !== undefined) keys.unshift({ isQuery: false, name: undefined, value: bearer });
    else lose('its Authorization header is no Bearer token, which is all that an MCPRoute sends');
  }
  const [key, ...others] = keys;
  for (const { name } of others) lose(`its header ${name}: an MCPRoute sends one header to a backend`);
  const parameters = [...url.searchParams];
  if (key === undefined && parameters.length === 1) {
    const [name, value] = parameters[0]!;
    return { isQuery: true, name, value: writtenParameter(server, name) ?? value };
  }
  if (parameters.length > 0) lose('the query of its URL is part of "path", which Envoy does not expect');
  return key;
}

function selectorOf(tools: NameSelector, lose: (what: string) => void): object | undefined {
  const { include, exclude } = tools;
  // An empty list of an MCPRoute selects all.
  if (include?.size === 0) return { excludeRegex: ['.*'] };
  if (include === undefined && exclude.size === 0) return undefined;
  return {
    ...(include !== undefined && names('include', include, lose)),
    ...(exclude.size > 0 && names('exclude', exclude, lose)),
  };
}

/** If there are too many names, they become patterns of several names each (RE2, anchored because patterns match anywhere). */
function names(list: 'include' | 'exclude', of: ReadonlySet<string>, lose: (what: string) => void): object {
  const all = [...of];
  if (all.length <= maxSelectorEntries) return { [list]: all };
  const perPattern = Math.ceil(all.length / maxSelectorEntries);
  const patterns: string[] = [];
  for (let at = 0; at < all.length; at += perPattern)
    patterns.push(
      `^(?:${all
        .slice(at, at + perPattern)
        .map(quoted)
        .join('|')})$`,
    );
  lose(`its ${all.length} names of tools become patterns, as an MCPRoute takes ${maxSelectorEntries} names`);
  return { [`${list}Regex`]: patterns };
}

function quoted(name: string): string {
  return name.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

/* Text without variables must not become one with variables. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${');
  if (Array.isArray(value)) return value.map(escaped);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escaped(member)]));
}
