/**
 * The key `manifold` of an mcpServers file: several routes over its servers, and settings of servers without keys in clients.
 * They mean the same as the fields of an MCPRoute (mcp-route/), and the same code reads them.
 */
import type { Findings } from '../findings.ts';
import { connected } from '../mcp-route/connection.ts';
import type { RouteContext } from '../mcp-route/context.ts';
import { fault } from '../mcp-route/context.ts';
import { shaped } from '../mcp-route/faults.ts';
import { Objects } from '../mcp-route/objects.ts';
import { backendSelectorOf, securityOf } from '../mcp-route/policy.ts';
import { checkRoutePath } from '../mcp-route/route-path.ts';
import { securedBy } from '../mcp-route/security-settings.ts';
import { readHeaderMatches } from '../mcp-route/selector.ts';
import { tuned } from '../mcp-route/settings.ts';
import type { BackendSettings, JsonRoute } from '../mcp-route/settings-shape.ts';
import { fileSettingsShape } from '../mcp-route/settings-shape.ts';
import type { Naming, RouteConfig, UpstreamConfig } from '../model.ts';
import { nearest } from '../nearest.ts';
import type { Environment } from '../variables.ts';
import { expandAt } from '../variables.ts';
import type { JsonPath, JsoncValue } from './jsonc.ts';
import { JsonSyntaxError, parseJsonc } from './jsonc.ts';

const key = 'manifold';

/** The servers of the file. */
interface Servers {
  readonly upstreams: readonly UpstreamConfig[];
  /** The names of invalid servers, whose faults have been reported. */
  readonly unusable: ReadonlySet<string>;
}

/**
 * The routes of `manifold.routes`, or the default one at /mcp with all servers. A route of which every server is unusable is left
 * out. Faults go to `findings`.
 */
export function routesOfFile(
  text: string,
  { upstreams: plainUpstreams, unusable }: Servers,
  naming: Naming,
  env: Environment,
  findings: Findings,
): readonly RouteConfig[] {
  const written = memberOf(text);
  const document = { value: undefined, source: '', place: () => undefined, isBare: () => false };
  const settings =
    written === undefined
      ? undefined
      : shaped(fileSettingsShape, plain([key], written, env, findings), [key], document, findings);
  const from = { group: '', kind: 'mcpServers', namespace: 'default' };
  const context: RouteContext = { objects: new Objects(), env, from, document, findings };
  const upstreams = Object.freeze(
    plainUpstreams.map((server) => withSettings(context, server, settings?.backends?.[server.name])),
  );
  for (const name of Object.keys(settings?.backends ?? {}))
    findServer(context, [key, 'backends', name], name, { upstreams, unusable });
  if (settings?.routes === undefined)
    return upstreams.length === 0 ? [] : [{ name: 'default', path: '/mcp', naming, upstreams }];
  if (Object.keys(settings.routes).length === 0)
    fault(context, [key, 'routes'], 'no route', 'Give one, or leave out "routes"');
  return Object.entries(settings.routes)
    .map(([name, route]) => routeOf(context, name, route, { upstreams, unusable }, naming))
    .filter((route) => route.upstreams.length > 0);
}

/* The reader of the servers has already reported a text that is not JSON. */
function memberOf(text: string): JsoncValue | undefined {
  try {
    const { value } = parseJsonc(text);
    return value instanceof Map ? (value as ReadonlyMap<string, JsoncValue>).get(key) : undefined;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/* As an object without inherited members, with variables replaced. */
function plain(path: JsonPath, value: JsoncValue, env: Environment, findings: Findings): unknown {
  if (typeof value === 'string') return expandAt(path, value, env, findings) ?? '';
  if (Array.isArray(value)) return value.map((item: JsoncValue, i) => plain([...path, i], item, env, findings));
  if (!(value instanceof Map)) return value;
  const members = value as ReadonlyMap<string, JsoncValue>;
  return Object.fromEntries(
    Array.from(members, ([name, member]) => [name, plain([...path, name], member, env, findings)]),
  );
}

function withSettings(
  context: RouteContext,
  server: UpstreamConfig,
  settings: BackendSettings | undefined,
): UpstreamConfig {
  if (settings === undefined) return server;
  const path = [key, 'backends', server.name];
  for (const name of ['acknowledgeTokenPassthrough', 'passthroughAudience'] as const)
    if (settings[name] !== undefined) fault(context, [...path, name], 'belongs to the server itself', 'Move it there');
  const { timeoutMs, era, onSessionLoss, ...rest } = tuned(context, path, settings);
  return Object.freeze({
    ...server,
    ...rest,
    transport: connected(context, path, server.transport, settings),
    ...(settings.timeouts?.silence !== undefined && { timeoutMs }),
    ...(settings.era !== undefined && { era }),
    ...(settings.onSessionLoss !== undefined && { onSessionLoss }),
  });
}

function findServer(
  context: RouteContext,
  path: JsonPath,
  name: string,
  { upstreams, unusable }: Servers,
): UpstreamConfig | undefined {
  const server = upstreams.find((one) => one.name === name);
  if (server !== undefined || unusable.has(name)) return server;
  const near = nearest(
    name,
    upstreams.map((one) => one.name),
  );
  fault(
    context,
    path,
    'no server of this name is enabled',
    near === undefined ? 'Give the name of a server of the file' : `Did you mean "${near}"?`,
  );
  return undefined;
}

function routeOf(context: RouteContext, name: string, route: JsonRoute, servers: Servers, naming: Naming): RouteConfig {
  const path = [key, 'routes', name];
  checkRoutePath(context, [...path, 'path'], route.path);
  if (!/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(name))
    fault(context, path, 'not the name of a route', 'Use letters, digits, "_", "-" and ".", at most 63');
  const upstreams = Object.freeze(
    route.servers.flatMap((one, i) => findServer(context, [...path, 'servers', i], one, servers) ?? []),
  );
  if (new Set(route.servers).size < route.servers.length)
    fault(context, [...path, 'servers'], 'a server stands here twice', 'Keep one');
  const headers = readHeaderMatches(context, [...path, 'headers'], route.headers ?? []);
  const ids = new Map(upstreams.map((upstream) => [upstream.name, upstream.id]));
  const policy =
    route.securityPolicy === undefined
      ? undefined
      : securityOf(context, [...path, 'securityPolicy'], route.securityPolicy, ids);
  const security = securedBy(context, [...path, 'security'], policy, route.security);
  return {
    name,
    path: route.path,
    naming,
    upstreams,
    ...(route.hostnames !== undefined && route.hostnames.length > 0 && { hosts: route.hostnames }),
    ...(headers.length > 0 && { headers }),
    ...(security !== undefined && { security }),
    ...(route.backendSelector !== undefined && {
      backendSelector: backendSelectorOf(context, [...path, 'backendSelector'], route.backendSelector),
    }),
  };
}
