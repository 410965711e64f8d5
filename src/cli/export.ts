/**
 * `manifold export`: converts an mcpServers file into MCPRoute YAML for a cluster. What cannot be converted is reported on
 * stderr.
 */
import { stringify } from 'yaml';
import { mcpRouteObjects } from '../config/mcp-route/write.ts';
import type { JsonObject, JsoncValue, JsonPath } from '../config/mcp-servers/jsonc.ts';
import { parseJsonc } from '../config/mcp-servers/jsonc.ts';
import { readMcpServers } from '../config/mcp-servers/read.ts';
import { ConfigError } from '../config/model.ts';
import type { CommandIo } from '../process/io.ts';
import { fileFault } from '../process/io.ts';

/** The port that `manifold run` listens on. */
const listenerPort = 1975;

/** Returns the exit code: 0, or 1 if the file is invalid or nothing of it can be converted. */
export async function exportRoutes(
  { file, namespace, gateway }: { readonly file: string; readonly namespace: string; readonly gateway: string },
  io: CommandIo,
): Promise<number> {
  let text: string;
  try {
    text = await io.readFile(file);
  } catch (fault) {
    io.stderr.write(`${fileFault(file, fault)}\n`);
    return 1;
  }
  if (/^\s*(?:---|#|apiVersion:|kind:)/.test(text)) {
    io.stderr.write(`${file}: YAML, not an mcpServers file. Give one of those; "manifold check" reads MCPRoute YAML\n`);
    return 1;
  }
  try {
    const { routes } = readMcpServers(text, file, { ...placeholders(text), ...io.env });
    const root = parseJsonc(text).value;
    const headers = headersIn(text);
    const urls = urlsIn(text);
    const { objects, lost } = mcpRouteObjects(routes, {
      namespace,
      gateway,
      port: listenerPort,
      writtenHeader: (server, header) => headers.get(server)?.get(header),
      writtenParameter: (server, parameter) => urls.get(server)?.searchParams.get(parameter) ?? undefined,
      writtenText: (path) => textAt(root, path),
    });
    for (const line of lost) io.stderr.write(`${file}: not carried: ${line}\n`);
    if (objects.some((one) => 'kind' in one && one.kind === 'Secret' && JSON.stringify(one).includes('${')))
      io.stderr.write(
        `${file}: note: "manifold run" fills in the variables of the Secrets; for a cluster, put in their values\n`,
      );
    if (!objects.some(isRoute)) return 1;
    io.stdout.write(objects.map((one) => stringify(one, { lineWidth: 0 })).join('---\n'));
    return 0;
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    io.stderr.write(`${fault.message}\n`);
    return 1;
  }
}

function isRoute(one: object): boolean {
  return 'kind' in one && one.kind === 'MCPRoute';
}

function member(value: JsoncValue | undefined, name: string): JsoncValue | undefined {
  return value instanceof Map ? (value as JsonObject).get(name) : undefined;
}

/**
 * Values for variables of secrets, which are written out as variables, so that nobody needs them to write the file. One that stands
 * elsewhere as well, such as in the host of a URL, gets none.
 */
function placeholders(text: string): Readonly<Record<string, string>> {
  let root: JsoncValue | undefined;
  try {
    root = parseJsonc(text).value;
  } catch {
    // Its reader tells why.
    return {};
  }
  const secret = new Map<string, number>();
  for (const [, headers] of headersIn(text)) for (const value of headers.values()) count(secret, value);
  for (const url of urlsIn(text).values()) count(secret, ...url.searchParams.values());
  count(secret, ...secretsIn(member(root, 'manifold')));
  const all = new Map<string, number>();
  count(all, text);
  return Object.fromEntries(
    Array.from(secret).flatMap(([name, times]) => (all.get(name) === times ? [[name, 'unset']] : [])),
  );
}

function count(counts: Map<string, number>, ...texts: readonly string[]): void {
  for (const text of texts)
    for (const [, name] of text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g))
      counts.set(name!, (counts.get(name!) ?? 0) + 1);
}

/** Of clients of authorization servers. */
function secretsIn(value: JsoncValue | undefined): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: JsoncValue) => secretsIn(item));
  if (!(value instanceof Map)) return [];
  return Array.from(value as JsonObject).flatMap(([name, inner]) =>
    (name === 'clientSecret' || name === 'privateKey') && typeof inner === 'string' ? [inner] : secretsIn(inner),
  );
}

function textAt(root: JsoncValue | undefined, path: JsonPath): string | undefined {
  let here = root;
  for (const step of path)
    here = typeof step === 'number' ? (Array.isArray(here) ? here[step] : undefined) : member(here, step);
  return typeof here === 'string' ? here : undefined;
}

function serversIn(text: string): JsonObject | readonly [] {
  const root = parseJsonc(text).value;
  const servers = member(root, 'mcpServers') ?? member(root, 'servers') ?? member(member(root, 'mcp'), 'servers');
  return servers instanceof Map ? (servers as JsonObject) : [];
}

/* Headers by server, as written in the file. */
function headersIn(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const all = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, server] of serversIn(text)) {
    const headers = member(server, 'headers');
    if (headers instanceof Map) all.set(name, headers as ReadonlyMap<string, string>);
  }
  return all;
}

/* The same for URLs. Editors have three names for that member. */
function urlsIn(text: string): ReadonlyMap<string, URL> {
  const all = new Map<string, URL>();
  for (const [name, server] of serversIn(text)) {
    const written = member(server, 'url') ?? member(server, 'serverUrl') ?? member(server, 'httpUrl');
    const url = typeof written === 'string' ? URL.parse(written) : null;
    if (url !== null) all.set(name, url);
  }
  return all;
}
