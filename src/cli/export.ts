/** `manifold export`: an mcpServers file as MCPRoute YAML for a cluster. What cannot be carried is told on stderr. */
import { stringify } from 'yaml';
import { mcpRouteObjects } from '../config/mcp-route/write.ts';
import type { JsonObject, JsoncValue } from '../config/mcp-servers/jsonc.ts';
import { parseJsonc } from '../config/mcp-servers/jsonc.ts';
import { readMcpServers } from '../config/mcp-servers/read.ts';
import { ConfigError } from '../config/model.ts';
import type { CommandIo } from '../process/io.ts';
import { fileFault } from '../process/io.ts';

/** The port that `manifold run` listens on. */
const listenerPort = 1975;

/** Gives the exit code: 0, or 1 when the file is at fault or nothing of it can be carried. */
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
  try {
    const { routes } = readMcpServers(text, file, io.env);
    const headers = headersIn(text);
    const urls = urlsIn(text);
    const { objects, lost } = mcpRouteObjects(routes, {
      namespace,
      gateway,
      port: listenerPort,
      writtenHeader: (server, header) => headers.get(server)?.get(header),
      writtenParameter: (server, parameter) => urls.get(server)?.searchParams.get(parameter) ?? undefined,
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

function serversIn(text: string): JsonObject | readonly [] {
  const root = parseJsonc(text).value;
  const servers = member(root, 'mcpServers') ?? member(root, 'servers') ?? member(member(root, 'mcp'), 'servers');
  return servers instanceof Map ? (servers as JsonObject) : [];
}

/* Headers by server as they stand in the file. */
function headersIn(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const all = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, server] of serversIn(text)) {
    const headers = member(server, 'headers');
    if (headers instanceof Map) all.set(name, headers as ReadonlyMap<string, string>);
  }
  return all;
}

/* The same of URLs. Editors have three names for that member. */
function urlsIn(text: string): ReadonlyMap<string, URL> {
  const all = new Map<string, URL>();
  for (const [name, server] of serversIn(text)) {
    const written = member(server, 'url') ?? member(server, 'serverUrl') ?? member(server, 'httpUrl');
    const url = typeof written === 'string' ? URL.parse(written) : null;
    if (url !== null) all.set(name, url);
  }
  return all;
}
