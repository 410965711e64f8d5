/**
 * Variables in configuration text: `${VAR}` and `${VAR:-default}` (Claude), `${env:VAR}` (Cursor, VS Code), `${input:ID}` and
 * `${workspaceFolder}` (VS Code), `${file:PATH}` (Windsurf), `${userHome}`. `$${` stands for `${` itself. Values come from the
 * environment and from files and may be secrets, so no fault ever quotes one.
 */
import { basename, sep } from 'node:path';
import type { Findings } from './findings.ts';
import type { JsonPath } from './mcp-servers/jsonc.ts';
import { nearest } from './nearest.ts';
import type { Place } from './place.ts';
import { namedFile, namedPath } from './text-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface VariableFault {
  readonly problem: string;
  readonly remedy: string;
}

/** The text with every variable replaced, or every fault of it. */
export type Expanded =
  | { readonly text: string; readonly faults: undefined }
  | { readonly text: undefined; readonly faults: readonly VariableFault[] };

/** Without a `place`, no file is read and no workspace is known. */
export function expand(text: string, env: Environment, place?: Place): Expanded {
  const faults: VariableFault[] = [];
  let out = '';
  let from = 0;
  for (;;) {
    const open = text.indexOf('${', from);
    if (open === -1) break;
    if (open > from && text[open - 1] === '$') {
      out += `${text.slice(from, open - 1)}\${`;
      from = open + 2;
      continue;
    }
    const close = text.indexOf('}', open);
    if (close === -1) {
      faults.push({
        problem: 'a variable that does not end',
        remedy: 'Close it with "}", or write $${ for the characters themselves',
      });
      break;
    }
    const value = valueOf(text.slice(open + 2, close), env, place);
    if (typeof value === 'string') out += text.slice(from, open) + value;
    else faults.push(value);
    from = close + 1;
  }
  return faults.length > 0 ? { text: undefined, faults } : { text: out + text.slice(from), faults: undefined };
}

/** The text with every variable replaced; undefined if one of them is invalid, which is reported in `findings`. */
export function expandAt(
  path: JsonPath,
  text: string,
  env: Environment,
  findings: Findings,
  place?: Place,
): string | undefined {
  const expanded = expand(text, env, place);
  for (const { problem, remedy } of expanded.faults ?? []) findings.fault(path, problem, remedy);
  return expanded.text;
}

/* Variables that only an editor can resolve. */
const editorVariables = new Set([
  'workspaceFolder',
  'workspaceFolderBasename',
  'workspaceRoot',
  'pathSeparator',
  '/',
  'file',
  'fileDirname',
  'cwd',
  'execPath',
]);

/* `reference` is the text between the braces. It is quoted in a fault only if it is a plain name. */
function valueOf(reference: string, env: Environment, place: Place | undefined): string | VariableFault {
  if (reference.startsWith('input:')) return inputOf(reference.slice('input:'.length), env);
  if (reference.startsWith('file:') && place !== undefined) return fileOf(reference.slice('file:'.length), place);
  const known = place === undefined ? undefined : folderVariable(reference, place);
  if (known !== undefined) return known;
  if (editorVariables.has(reference) || reference.startsWith('command:') || reference.startsWith('config:')) {
    return {
      problem: 'a variable that only an editor can fill in',
      remedy: 'Write the value itself, or ${VAR} for an environment variable',
    };
  }
  if (reference === 'userHome') {
    return valueIn(env, 'HOME') ?? valueIn(env, 'USERPROFILE') ?? unset('HOME', env);
  }
  const [head, fallback] = cutAt(reference.startsWith('env:') ? reference.slice(4) : reference, ':-');
  if (!isVariableName(head)) {
    return {
      problem: 'not a variable',
      remedy: 'Write ${VAR} or ${VAR:-default}, or $${ for the characters themselves',
    };
  }
  if (fallback === undefined) return valueIn(env, head) ?? unset(head, env);
  if (fallback.includes('${')) {
    return { problem: `the default of ${head} holds another variable`, remedy: 'Give it a plain default' };
  }
  // As in a shell, `:-` also applies to a variable that is set but empty.
  return valueIn(env, head) || fallback;
}

/* VS Code asks the user. A gateway cannot, so it looks for a variable of that name: `github-token`, `GITHUB_TOKEN`. */
function inputOf(id: string, env: Environment): string | VariableFault {
  const name = id.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
  const value = valueIn(env, id) ?? valueIn(env, name);
  if (value !== undefined) return value;
  const variable = isVariableName(name) ? name : `_${name}`;
  // Text that is not a plain id may be a misplaced secret.
  const named = /^[A-Za-z0-9_. -]{1,64}$/.test(id);
  return (
    valueIn(env, variable) ?? {
      problem: `an \${input:${named ? id : '…'}} is asked of a person by the editor; a gateway has nobody to ask`,
      remedy: named
        ? `Set the environment variable ${variable}, which is taken in its place`
        : 'Put the value into an environment variable and write ${VAR} here',
    }
  );
}

/* Windsurf inserts the text of the file. The line break at its end comes from the editor and is removed. */
function fileOf(path: string, place: Place): string | VariableFault {
  const read = namedFile(namedPath(path.trim(), place.workspace ?? '.'));
  if ('text' in read) return read.text.trim();
  return { problem: `the file of a \${file:…} ${read.fault}`, remedy: 'Give the path of a file that holds the value' };
}

function folderVariable(reference: string, { workspace }: Place): string | undefined {
  switch (reference) {
    case 'workspaceFolder':
    case 'workspaceRoot':
      return workspace;
    case 'workspaceFolderBasename':
      return workspace === undefined ? undefined : basename(workspace);
    case 'pathSeparator':
    case '/':
      return sep;
    default:
      return undefined;
  }
}

/* `${toString}` must not find an inherited member. */
function valueIn(env: Environment, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function unset(name: string, env: Environment): VariableFault {
  const near = nearest(name, Object.keys(env));
  return {
    problem: `the environment variable ${name} is not set`,
    remedy: `Set it${near === undefined ? '' : ` (is it ${near}?)`}, or give a default: \${${name}:-…}`,
  };
}

function cutAt(text: string, mark: string): [head: string, tail: string | undefined] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

/* A fixed pattern, linear in the length of the text. */
function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}
