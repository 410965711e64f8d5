/** Reads configuration of whatever kind, from any number of texts at once; the content decides, not the name. */
import { Findings } from './findings.ts';
import type { SourceDocument } from './mcp-route/documents.ts';
import { documentsOf } from './mcp-route/documents.ts';
import { readMcpRouteDocuments } from './mcp-route/read.ts';
import { TakenNames, readMcpServers, type ReadOptions } from './mcp-servers/read.ts';
import type { Config, ConfigFault, Naming, RouteConfig, UnusableEntry, UpstreamConfig } from './model.ts';
import { ConfigError, routeKey } from './model.ts';
import { defaultNaming } from './naming.ts';
import { checkOverlap } from './overlap.ts';
import type { Environment } from './variables.ts';

export type { ReadOptions };

/** A text and what names it in messages: a path, or the flag it came with. */
export interface ConfigSource {
  readonly name: string;
  readonly text: string;
  /** Absent: the content decides. */
  readonly kind?: 'mcp-servers';
}

/** Throws `ConfigError` with every fault. */
export function readConfig(
  text: string,
  source: string,
  env: Environment,
  naming: Naming = defaultNaming,
  options: ReadOptions = {},
): Config {
  return readSources([{ name: source, text }], env, naming, options);
}

/**
 * All sources as one configuration: documents of Kubernetes may refer to one another across files, and the servers of several
 * mcpServers files without routes of their own stand behind one endpoint. Throws `ConfigError` with every fault of all; those of
 * unusable servers are none when `options` say so, as long as each mcpServers file has a good one.
 */
export function readSources(
  sources: readonly ConfigSource[],
  env: Environment,
  naming: Naming = defaultNaming,
  options: ReadOptions = {},
): Config {
  const findings = new Findings();
  const unusable: UnusableEntry[] = [];
  const documents: SourceDocument[] = [];
  const routes: RouteConfig[] = [];
  const isAlone = sources.length === 1;
  for (const { name, text, kind } of sources) {
    if (kind !== 'mcp-servers' && contentKind(text) === 'documents')
      documents.push(...documentsOf(text, name, env, findings));
    else {
      const read = serversOf({ name, text }, isAlone, env, naming, findings, options);
      routes.push(...read.routes);
      unusable.push(...read.unusable);
    }
  }
  const mcpRoutes = readMcpRouteDocuments(documents, env, findings, naming);
  const merged = [...joined(routes, naming, unusable), ...mcpRoutes];
  checkOverlap(merged, findings);
  if (merged.length === 0 && findings.faults.length === 0)
    findings.fault([], 'no MCPRoute among the documents', 'Give the file that holds one');
  const bearable = options.withoutUnusable === true && findings.faults.length === 0;
  const faults = bearable ? [] : [...findings.faults, ...unusable.flatMap((entry) => entry.faults)];
  if (faults.length > 0) throw new ConfigError(titleOf(sources), faults);
  return frozen({ routes: merged, warnings: findings.warnings, ...(unusable.length > 0 && { unusable }) });
}

function serversOf(
  { name, text }: ConfigSource,
  isAlone: boolean,
  env: Environment,
  naming: Naming,
  findings: Findings,
  options: ReadOptions,
): { readonly routes: readonly RouteConfig[]; readonly unusable: readonly UnusableEntry[] } {
  const located = (faults: readonly ConfigFault[]): readonly ConfigFault[] =>
    isAlone ? faults : faults.map((one) => ({ place: name, ...one }));
  try {
    const config = readMcpServers(text, name, env, naming, options);
    findings.warnings.push(...config.warnings.map((warning) => (isAlone ? warning : `${name}: ${warning}`)));
    const unusable = (config.unusable ?? []).map((entry) => ({ ...entry, faults: located(entry.faults) }));
    return { routes: config.routes, unusable };
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    findings.faults.push(...located(fault.faults));
    return { routes: [], unusable: [] };
  }
}

/*
 * The servers of several files stand behind one endpoint, unless a file has routes of its own. One that clients could not tell
 * from that of an earlier file is unusable.
 */
function joined(routes: readonly RouteConfig[], naming: Naming, unusable: UnusableEntry[]): readonly RouteConfig[] {
  const plain = routes.filter((route) => isPlain(route));
  if (plain.length < 2) return routes;
  // Its warnings have been told by the readers of the files.
  const twins = new Findings();
  const claims = new TakenNames(naming, twins);
  const seen = new Set<string>();
  const upstreams: UpstreamConfig[] = [];
  for (const upstream of plain.flatMap((route) => route.upstreams)) {
    const { name, id, scheme } = upstream;
    const path = ['mcpServers', name];
    if (seen.has(id)) twins.fault(path, 'a server of another file has this name', 'Rename one of them');
    else claims.claim(path, name, id, scheme);
    seen.add(id);
    const faults = twins.faults.splice(0);
    if (faults.length === 0) upstreams.push(upstream);
    else unusable.push({ name, faults });
  }
  return [{ ...plain[0]!, upstreams }, ...routes.filter((route) => !isPlain(route))];
}

function isPlain(route: RouteConfig): boolean {
  const { hosts, headers, security, backendSelector } = route;
  return (
    routeKey(route) === 'default' &&
    route.path === '/mcp' &&
    [hosts, headers, security, backendSelector].every((part) => part === undefined)
  );
}

function titleOf(sources: readonly ConfigSource[]): string {
  const [first] = sources;
  return sources.length === 1 && first !== undefined ? first.name : `${sources.length} sources`;
}

function frozen<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

/*
 * JSON begins with a brace, or with a comment in front of one, which no YAML document can; an object of Kubernetes may be
 * written in JSON too.
 */
function contentKind(text: string): 'mcp-servers' | 'documents' {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  const isJson = start === '' || ['{', '[', '//', '/*'].some((mark) => start.startsWith(mark));
  return !isJson || (start.startsWith('{') && /^\{\s*"(?:apiVersion|kind)"\s*:/.test(start))
    ? 'documents'
    : 'mcp-servers';
}
