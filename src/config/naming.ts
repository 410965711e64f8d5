/** How the tools and prompts of several servers are distinguished (names are pure functions of server and name). */
import type { Findings } from './findings.ts';
import type { JsonPath } from './mcp-servers/jsonc.ts';
import type { Naming, UpstreamConfig } from './model.ts';

export const namePolicies = ['always', 'conflict', 'never'] as const satisfies readonly Naming['policy'][];
export const longNamePolicies = ['warn', 'shorten'] as const satisfies readonly Naming['tooLong'][];

export const charsets = ['models', 'any'] as const satisfies readonly Naming['charset'][];

export const defaultNaming: Naming = Object.freeze({
  policy: 'always',
  separator: '__',
  maxChars: 64,
  tooLong: 'warn',
  charset: 'models',
});

const maxSeparatorChars = 8;

/** Whether it may occur in a tool name (2026-07-28 server/tools §Tool Names). */
export function isSeparator(text: string): boolean {
  return text.length <= maxSeparatorChars && /^[A-Za-z0-9_.-]+$/.test(text);
}

/** Whether the APIs of models accept it in the name of a tool, so that names with it need no alias. */
export function isForModels(text: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(text);
}

/** The upstreams of one route, told whether they are alone in it. */
export function settledUpstreams(upstreams: readonly UpstreamConfig[]): readonly UpstreamConfig[] {
  return upstreams.length === 1 ? upstreams.map((only) => Object.freeze({ ...only, isOnly: true })) : upstreams;
}

/** The first separator of `<id><separator><name>` has to be the gateway's own, or a name would have two readings. */
export function checkId(path: JsonPath, id: string, { policy, separator }: Naming, findings: Findings): void {
  if (policy === 'never' || `${id}${separator}`.indexOf(separator) === id.length) return;
  findings.fault(
    path,
    `its id ${JSON.stringify(id)} does not go with the separator ${JSON.stringify(separator)}`,
    'Rename the server, or choose another --name-separator',
  );
}
