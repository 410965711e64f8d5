/** How a server is reached: by URL or as a program of this machine. */
import { parseEnv } from 'node:util';
import type { Findings } from '../findings.ts';
import { readHeaders } from '../headers.ts';
import { maxStartTimeoutMs, minStartTimeoutMs } from '../limits.ts';
import type { JsonPath } from './jsonc.ts';
import type { ServerKey } from './keys.ts';
import { serverKeys } from './keys.ts';
import type { UpstreamTransport } from '../model.ts';
import type { Place } from '../place.ts';
import { namedFile, namedPath } from '../text-file.ts';
import type { WrittenKeys } from './server-keys.ts';
import type { Environment } from '../variables.ts';
import { expandAt } from '../variables.ts';

const kinds: ReadonlyMap<string, UpstreamTransport['kind']> = new Map([
  ['http', 'http'],
  ['streamablehttp', 'http'],
  ['remote', 'http'],
  ['sse', 'sse'],
  ['stdio', 'stdio'],
  ['local', 'stdio'],
]);

/** Undefined if the entry is invalid. */
export function readTransport(
  path: JsonPath,
  written: WrittenKeys,
  env: Environment,
  findings: Findings,
  place: Place | undefined,
): UpstreamTransport | undefined {
  const { text, broken, at } = written;
  // Without these keys the rest cannot be checked correctly.
  if (broken.has('type') || broken.has('url') || broken.has('command')) return undefined;
  const kind = kindOfServer(path, written, findings);
  if (kind === undefined) return undefined;
  for (const [key, about] of Object.entries(serverKeys) as [ServerKey, { only?: 'remote' | 'stdio' }][]) {
    if (about.only === undefined || text[key] === undefined || (about.only === 'stdio') === (kind === 'stdio'))
      continue;
    findings.warn(at(key), `passed over: the server is reached by ${kind}`);
  }
  return kind === 'stdio'
    ? readProgram(path, written, env, findings, place)
    : readRemote(path, kind, written, env, findings, place);
}

function kindOfServer(
  path: JsonPath,
  { text, at }: WrittenKeys,
  findings: Findings,
): UpstreamTransport['kind'] | undefined {
  if (text.type !== undefined) {
    const kind = kinds.get(text.type.toLowerCase().replaceAll(/[-_]/g, ''));
    if (kind === undefined)
      findings.fault(at('type'), 'not a transport that is known here', `Give ${serverKeys.type.wants}`);
    return kind;
  }
  if (text.url !== undefined && text.command !== undefined) {
    findings.fault(
      path,
      'both a "url" and a "command", and no "type"',
      'Keep one of the two, or say which with "type"',
    );
    return undefined;
  }
  if (text.url !== undefined) return 'http';
  if (text.command !== undefined) return 'stdio';
  findings.fault(
    path,
    'neither a "url" nor a "command"',
    'Give the "url" of a remote server or the "command" that starts a local one',
  );
  return undefined;
}

function readRemote(
  path: JsonPath,
  kind: 'http' | 'sse',
  { text, at }: WrittenKeys,
  env: Environment,
  findings: Findings,
  place: Place | undefined,
): UpstreamTransport | undefined {
  const headers = readHeaders(at('headers'), text.headers ?? new Map(), env, findings, place);
  const here = at('url');
  if (text.url === undefined) {
    findings.fault(path, `a server of type ${kind} without "url"`, `Give ${serverKeys.url.wants}`);
    return undefined;
  }
  const written = expandAt(here, text.url, env, findings, place);
  if (written === undefined) return undefined;
  const url = URL.parse(written);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    findings.fault(here, 'not a web address', `Give ${serverKeys.url.wants}`);
    return undefined;
  }
  if (url.username !== '' || url.password !== '') {
    findings.fault(here, 'credentials in the URL', 'Put them into "headers", as "Authorization"');
  }
  if (url.href.includes('#')) findings.fault(here, 'a fragment, which is never sent', 'Take out "#" and what follows');
  const isUnsure = kind === 'http' && text.type === undefined && /\/sse\/?$/.test(url.pathname);
  if (isUnsure)
    findings.warn(
      here,
      'may be an endpoint of the deprecated transport; both are tried. If it is one, add "type": "sse"',
    );
  return { kind, url: url.href, headers, ...(isUnsure && kind === 'http' && { orSse: true as const }) };
}

function readProgram(
  path: JsonPath,
  { text, at }: WrittenKeys,
  env: Environment,
  findings: Findings,
  place: Place | undefined,
): UpstreamTransport | undefined {
  const command = text.command === undefined ? undefined : expandAt(at('command'), text.command, env, findings, place);
  if (text.command === undefined) {
    findings.fault(path, 'a server of type stdio without "command"', `Give ${serverKeys.command.wants}`);
  } else if (command?.trim() === '') {
    findings.fault(at('command'), 'empty', `Give ${serverKeys.command.wants}`);
  }
  const args = (text.args ?? []).map((arg, i) => expandAt([...at('args'), i], arg, env, findings, place));
  const cwd = text.cwd === undefined ? undefined : expandAt(at('cwd'), text.cwd, env, findings, place);
  const variables = {
    ...readEnvFile(at('envFile'), text.envFile, env, findings, place),
    ...readVariables(at('env'), text.env ?? new Map(), env, findings, place),
  };
  if (command === undefined) return undefined;
  const space = command.indexOf(' ');
  if (args.length === 0 && space > 0 && !/[/\\]/.test(command.slice(0, space))) {
    findings.warn(at('command'), 'holds a space and is the name of one program; what follows it belongs into "args"');
  }
  for (const value of [command, cwd, ...args]) {
    if (value?.includes('\0') === true) findings.fault(path, 'a NUL character', 'Take it out');
  }
  return {
    kind: 'stdio',
    command,
    args: args.filter((arg) => arg !== undefined),
    env: setOnly(variables),
    cwd,
    ...(text.startTimeout !== undefined && {
      startTimeoutMs: readStartTimeout(at('startTimeout'), text.startTimeout, findings),
    }),
    ...(text.shared !== undefined && { shared: text.shared }),
  };
}

/* The format of Node's `--env-file`, which is that of dotenv. */
function readEnvFile(
  path: JsonPath,
  written: string | undefined,
  env: Environment,
  findings: Findings,
  place: Place | undefined,
): Readonly<Record<string, string | undefined>> {
  const name = written === undefined ? undefined : expandAt(path, written, env, findings, place);
  if (name === undefined) return {};
  const file = namedFile(namedPath(name, place?.workspace ?? '.'));
  if ('text' in file && !file.text.includes('\0')) return parseEnv(file.text);
  findings.fault(
    path,
    `the file ${'fault' in file ? file.fault : 'holds a NUL character'}`,
    `Give ${serverKeys.envFile.wants}`,
  );
  return {};
}

function readStartTimeout(path: JsonPath, timeout: number, findings: Findings): number {
  if (!Number.isInteger(timeout) || timeout < minStartTimeoutMs || timeout > maxStartTimeoutMs) {
    findings.fault(
      path,
      `a timeout outside of ${minStartTimeoutMs} to ${maxStartTimeoutMs}`,
      'The unit is milliseconds: 5 minutes are 300000',
    );
  }
  return timeout;
}

function readVariables(
  path: JsonPath,
  written: ReadonlyMap<string, string | number | null>,
  env: Environment,
  findings: Findings,
  place: Place | undefined,
): Readonly<Record<string, string | undefined>> {
  const variables = new Map<string, string | undefined>();
  let nth = 0;
  for (const [name, text] of written) {
    nth += 1;
    if (name === '' || name.includes('=') || name.includes('\0')) {
      findings.fault(
        path,
        `variable ${nth} has a name that no variable can have`,
        'Write the name on the left and the value on the right',
      );
      continue;
    }
    if (text === null) {
      variables.set(name, undefined);
      continue;
    }
    const value = expandAt([...path, name], String(text), env, findings, place);
    if (value?.includes('\0') === true) findings.fault([...path, name], 'a NUL character', 'Take it out');
    if (value !== undefined) variables.set(name, value);
  }
  return Object.fromEntries(variables);
}

/* `null` removes a variable of the file. */
function setOnly(variables: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const set = new Map<string, string>();
  for (const [name, value] of Object.entries(variables)) if (value !== undefined) set.set(name, value);
  return Object.fromEntries(set);
}
