/** Reads configuration of whatever kind, from any number of texts at once; the content decides, not the name. */
import { Findings } from './findings.ts';
import type { SourceDocument } from './mcp-route/documents.ts';
import { documentsOf } from './mcp-route/documents.ts';
import { readMcpRouteDocuments } from './mcp-route/read.ts';
import { Claims, readMcpServers } from './mcp-servers/read.ts';
import type { Config, RouteConfig } from './model.ts';
import { ConfigError, routeKey } from './model.ts';
import { defaultNaming } from './naming.ts';
import type { Naming } from './model.ts';
import { checkOverlap } from './overlap.ts';
import type { Environment } from './variables.ts';

/** A text and what names it in messages: a path, or the flag it came with. */
export interface ConfigSource {
  readonly name: string;
  readonly text: string;
  /** Absent: the content decides. */
  readonly kind?: 'mcp-servers';
}

/** Throws `ConfigError` with every fault. */
export function readConfig(text: string, source: string, env: Environment, naming: Naming = defaultNaming): Config {
  return readSources([{ name: source, text }], env, naming);
}

/**
 * All sources as one configuration: documents of Kubernetes may refer to one another across files, and the servers of several
 * mcpServers files without routes of their own stand behind one endpoint. Throws `ConfigError` with every fault of all.
 */
export function readSources(
  sources: readonly ConfigSource[],
  env: Environment,
  naming: Naming = defaultNaming,
): Config {
  const findings = new Findings();
  const documents: SourceDocument[] = [];
  const routes: RouteConfig[] = [];
  const isAlone = sources.length === 1;
  for (const { name, text, kind } of sources) {
    if (kind !== 'mcp-servers' && contentKind(text) === 'documents')
      documents.push(...documentsOf(text, name, env, findings));
    else routes.push(...serversOf({ name, text }, isAlone, env, naming, findings));
  }
  const mcpRoutes = readMcpRouteDocuments(documents, env, findings, naming);
  const merged = [...joined(routes, naming, findings), ...mcpRoutes];
  checkOverlap(merged, findings);
  if (merged.length === 0 && findings.faults.length === 0)
    findings.fault([], 'no MCPRoute among the documents', 'Give the file that holds one');
  if (findings.faults.length > 0) throw new ConfigError(titleOf(sources), findings.faults);
  return frozen({ routes: merged, warnings: findings.warnings });
}

function serversOf(
  { name, text }: ConfigSource,
  isAlone: boolean,
  env: Environment,
  naming: Naming,
  findings: Findings,
): readonly RouteConfig[] {
  try {
    const config = readMcpServers(text, name, env, naming);
    findings.warnings.push(...config.warnings.map((warning) => (isAlone ? warning : `${name}: ${warning}`)));
    return config.routes;
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    findings.faults.push(...fault.faults.map((one) => (isAlone ? one : { place: name, ...one })));
    return [];
  }
}

/* The servers of several files stand behind one endpoint, unless a file has routes of its own. */
function joined(routes: readonly RouteConfig[], naming: Naming, findings: Findings): readonly RouteConfig[] {
  const plain = routes.filter((route) => isPlain(route));
  if (plain.length < 2) return routes;
  const claims = new Claims(naming, new Findings());
  const upstreams = plain.flatMap((route) => route.upstreams);
  const seen = new Set<string>();
  for (const { name, id, scheme } of upstreams) {
    if (seen.has(id))
      findings.fault(['mcpServers', name], 'a server of another file has this name', 'Rename one of them');
    seen.add(id);
    claims.claim(['mcpServers', name], name, id, scheme);
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
