/**
 * The `mcpServers` file of Claude, Cursor and many others, VS Code's `servers`, and Zed's `context_servers`, as they are → `Config`. All faults come at
 * once, each with its path and remedy; neither faults nor warnings hold a value of the file, for headers, variables and URLs
 * carry secrets.
 */
import { Findings } from '../findings.ts';
import { schemeOf, slug } from '../identity.ts';
import type { JsonDocument, JsonObject, JsonPath, JsoncValue } from './jsonc.ts';
import { JsonSyntaxError, parseJsonc } from './jsonc.ts';
import { maxConfigChars, maxUpstreams } from '../limits.ts';
import type { Config, Naming, UnusableEntry, UpstreamConfig } from '../model.ts';
import { ConfigError } from '../model.ts';
import { checkId, defaultNaming } from '../naming.ts';
import { type Place, placeOf } from '../place.ts';
import { routesOfFile } from './manifold.ts';
import { isDisabled, readServer } from './server.ts';
import { kindOf } from './server-keys.ts';
import type { Environment } from '../variables.ts';

export interface ReadOptions {
  /** Leaves out an invalid entry instead of refusing the file. A file without any valid entry is still refused. */
  readonly withoutUnusable?: boolean;
}

/** `source` names the text in messages: a path, or a flag. Throws `ConfigError` with every fault. */
export function readMcpServers(
  text: string,
  source: string,
  env: Environment,
  naming: Naming = defaultNaming,
  { withoutUnusable = false }: ReadOptions = {},
): Config {
  const findings = new Findings();
  const { upstreams, unusable } = readUpstreams(text, placeOf(source), env, naming, findings);
  const left = new Set(unusable.map(({ name }) => name));
  const routes = routesOfFile(text, { upstreams, unusable: left }, naming, env, findings);
  const bearable = withoutUnusable && routes.length > 0 && findings.faults.length === 0;
  const faults = bearable ? [] : [...findings.faults, ...unusable.flatMap((entry) => entry.faults)];
  if (faults.length > 0) throw new ConfigError(source, faults);
  return Object.freeze({
    routes: Object.freeze(routes.map((route) => Object.freeze(route))),
    warnings: Object.freeze(findings.warnings),
    ...(unusable.length === 0 ? {} : { unusable: Object.freeze(unusable) }),
  });
}

interface ReadEntries {
  readonly upstreams: UpstreamConfig[];
  /** Faults of single entries; those of the file as a whole are in `findings`. */
  readonly unusable: UnusableEntry[];
}

function readUpstreams(text: string, place: Place, env: Environment, naming: Naming, findings: Findings): ReadEntries {
  const upstreams: UpstreamConfig[] = [];
  const unusable: UnusableEntry[] = [];
  const document = parsed(text, findings);
  const found = document === undefined ? undefined : serversOf(document.value, findings);
  const repeated = new Map<string | undefined, JsonPath[]>();
  for (const path of document?.repeated ?? []) {
    const name = found === undefined ? undefined : entryOf(path, found.at);
    repeated.set(name, [...(repeated.get(name) ?? []), path]);
  }
  for (const path of repeated.get(undefined) ?? []) faultOfRepeated(path, findings);
  if (found === undefined) return { upstreams, unusable };
  const { at, servers } = found;
  const claims = new TakenNames(naming, findings);
  let enabled = 0;
  for (const [name, entry] of servers) {
    const path = [...at, name];
    const before = findings.faults.length;
    for (const twice of repeated.get(name) ?? []) faultOfRepeated(twice, findings);
    const disabled = entry instanceof Map && isDisabled(path, entry as JsonObject, findings);
    if (!disabled) enabled += 1;
    if (enabled > maxUpstreams) continue;
    if (disabled) {
      // Nothing else of it is read.
    } else if (entry instanceof Map) {
      const id = slug(name);
      const scheme = schemeOf(id);
      claims.claim(path, name, id, scheme);
      checkId(path, id, naming, findings);
      const prefix = naming.policy === 'never' ? '' : id + naming.separator;
      const settings = readServer(path, entry as JsonObject, prefix, env, findings, place);
      if (settings !== undefined && findings.faults.length === before)
        upstreams.push(Object.freeze({ name, id, naming, scheme, ...settings }));
    } else {
      findings.fault(path, `${kindOf(entry)} is not accepted here`, 'Give an object with a "url" or a "command"');
    }
    const faults = findings.faults.splice(before);
    if (faults.length > 0) unusable.push({ name, faults });
  }
  if (enabled === 0)
    findings.fault(at, servers.size === 0 ? 'no server' : 'every server is disabled', 'Give at least one server');
  if (enabled > maxUpstreams)
    findings.fault(at, `${enabled} servers, more than ${maxUpstreams}`, 'Divide them among several gateways');
  return { upstreams, unusable };
}

/** The entry that a path belongs to, if any. */
function entryOf(path: JsonPath, at: JsonPath): string | undefined {
  const name = at.every((step, i) => path[i] === step) ? path[at.length] : undefined;
  return name === undefined ? undefined : String(name);
}

function faultOfRepeated(path: JsonPath, findings: Findings): void {
  findings.fault(path, 'the name stands twice in its object', 'Rename one or take it out');
}

function parsed(text: string, findings: Findings): JsonDocument | undefined {
  if (text.length > maxConfigChars) {
    findings.fault([], `longer than ${maxConfigChars} characters`, 'Is it the right file?');
    return undefined;
  }
  try {
    return parseJsonc(text);
  } catch (fault) {
    if (!(fault instanceof JsonSyntaxError)) throw fault;
    findings.faults.push({
      path: `line ${fault.line}, column ${fault.column}`,
      problem: fault.message,
      remedy: 'The text must be JSON; comments and trailing commas are allowed',
    });
    return undefined;
  }
}

/** Where the servers stand: `mcpServers`, VS Code's `servers`, `mcp.servers` of its settings, or Zed's `context_servers`. */
function serversOf(root: JsoncValue, findings: Findings): { at: JsonPath; servers: JsonObject } | undefined {
  const remedy = 'Give an object such as {"mcpServers": {"docs": {"url": "https://mcp.example.com/mcp"}}}';
  if (!(root instanceof Map)) {
    findings.fault([], `${kindOf(root)} is not accepted here`, remedy);
    return undefined;
  }
  const members = root as JsonObject;
  const settings = members.get('mcp');
  const places: JsonPath[] = [['mcpServers'], ['servers'], ['context_servers']].filter(([key]) => members.has(key!));
  if (settings instanceof Map && settings.has('servers')) places.push(['mcp', 'servers']);
  const [at, other] = places;
  if (at === undefined) {
    const bare = [...members.values()].some(
      (value) => value instanceof Map && (value.has('url') || value.has('command')),
    );
    findings.fault([], 'neither "mcpServers" nor "servers"', bare ? 'Wrap the servers: {"mcpServers": {…}}' : remedy);
    return undefined;
  }
  if (other !== undefined) {
    findings.fault(other, `servers stand under "${at.join('.')}" as well`, 'Keep them in one place');
    return undefined;
  }
  const holder = at.length === 1 ? members : (settings as JsonObject);
  const servers = holder.get(String(at.at(-1)));
  warnOfNeighbours(members, at, findings);
  if (servers instanceof Map) return { at, servers: servers as JsonObject };
  findings.fault(at, `${kindOf(servers)} is not accepted here`, remedy);
  return undefined;
}

const maxNamedNeighbours = 5;

function warnOfNeighbours(members: JsonObject, at: JsonPath, findings: Findings): void {
  const known = new Set<string | number | undefined>([at[0], '$schema', 'inputs', 'manifold']);
  const others = [...members.keys()].filter((key) => !known.has(key));
  if (others.length === 0) return;
  const named = others.slice(0, maxNamedNeighbours).map((key) => JSON.stringify(key));
  const more = others.length > maxNamedNeighbours ? ` and ${others.length - maxNamedNeighbours} more` : '';
  findings.warn([], `passed over beside "${at.join('.')}": ${named.join(', ')}${more}`);
}

/**
 * The tool prefixes and URI schemes of the servers so far; reports a server that clients could not distinguish from an earlier
 * one.
 */
export class TakenNames {
  readonly #naming: Naming;
  readonly #findings: Findings;
  readonly #byId = new Map<string, string>();
  readonly #byScheme = new Map<string, string>();

  constructor(naming: Naming, findings: Findings) {
    this.#naming = naming;
    this.#findings = findings;
  }

  claim(path: JsonPath, name: string, id: string, scheme: string): void {
    const remedy = 'Rename one of them';
    if (id === '') {
      this.#findings.fault(path, 'the name is empty', 'Tool names are made of it: rename the server');
      return;
    }
    const twin = this.#byId.get(id);
    const cousin = this.#byScheme.get(scheme);
    if (twin !== undefined) {
      this.#findings.fault(
        path,
        `its tools would begin with "${id}${this.#naming.separator}", as those of ${JSON.stringify(twin)} do`,
        remedy,
      );
    } else if (cousin !== undefined) {
      this.#findings.fault(
        path,
        `its resources would begin with "${scheme}+", as those of ${JSON.stringify(cousin)} do`,
        remedy,
      );
    } else {
      this.#byId.set(id, name);
      this.#byScheme.set(scheme, name);
      if (id !== name && this.#naming.policy === 'always')
        this.#findings.warn(path, `its tools begin with "${id}${this.#naming.separator}"`);
    }
  }
}
