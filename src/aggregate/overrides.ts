/**
 * What an operator changes about the tools of an upstream: name, title, description, annotations and arguments. Lists and calls
 * ask the same functions, so that a tool is called as it is shown: a renamed tool has no other name, and an argument that is
 * preset or hidden cannot be given by a client.
 */
import type { ToolOverride, UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { compileShape, scan, type Found } from '../protocol/scan.ts';
import { insertion, removeMembers, setMembers, splice, type Edit } from '../protocol/splice.ts';
import type { ParamHeader } from './param-headers.ts';

type Overridden = Pick<UpstreamConfig, 'overrides'>;
type Overrides = NonNullable<UpstreamConfig['overrides']>;
export type ArgumentOverrides = NonNullable<ToolOverride['arguments']>;

/** The name that a tool goes by, before the prefix. */
export function shownToolName({ overrides }: Overridden, name: string): string {
  return overrides?.get(name)?.rename ?? name;
}

/** The upstream's own name of a tool that goes by this one; undefined where it has been renamed to something else. */
export function ownToolName({ overrides }: Overridden, shown: string): string | undefined {
  if (overrides === undefined) return shown;
  const own = ownNames(overrides).get(shown);
  if (own !== undefined) return own;
  return overrides.get(shown)?.rename === undefined ? shown : undefined;
}

/** False for a tool whose name the operator has given to another. */
export function keepsItsName(upstream: Overridden, name: string): boolean {
  return upstream.overrides === undefined || ownToolName(upstream, shownToolName(upstream, name)) === name;
}

/** Whether some tool goes by another name than its own. */
export function hasRenamed({ overrides }: Overridden): boolean {
  return overrides !== undefined && ownNames(overrides).size > 0;
}

/* Made once for each configuration, which is a value of its own in each process. */
const inverse = new WeakMap<Overrides, ReadonlyMap<string, string>>();

/** Own names by the new ones. */
function ownNames(overrides: Overrides): ReadonlyMap<string, string> {
  let names = inverse.get(overrides);
  if (names === undefined) {
    names = new Map(
      Array.from(overrides).flatMap(([own, { rename }]) => (rename === undefined ? [] : [[rename, own] as const])),
    );
    inverse.set(overrides, names);
  }
  return names;
}

/** The arguments of a tool that are not the client's, by the upstream's own name of the tool; undefined where all are. */
export function argumentsOf({ overrides }: Overridden, name: string): ArgumentOverrides | undefined {
  return overrides?.get(name)?.arguments;
}

/** The headers of a tool whose arguments a client knows. */
export function headersShown(
  headers: readonly ParamHeader[],
  changed: ArgumentOverrides | undefined,
): readonly ParamHeader[] {
  return changed === undefined ? headers : headers.filter(({ path }) => !changed.has(path[0] ?? ''));
}

/**
 * The edit that makes the arguments of a call those that the upstream is to get: without what clients cannot give, and with what is
 * preset. `params` is captured with its `arguments`. Throws `params_invalid` where these are no object, and `json_key_repeated`.
 */
export function argumentEdits(bytes: Buffer, params: Found | undefined, changed: ArgumentOverrides): readonly Edit[] {
  if (params === undefined) return [];
  const presets = presetText(changed);
  const found = params.member('arguments');
  if (found === undefined) return presets === '' ? [] : setMembers(bytes, params, [['arguments', `{${presets}}`]]);
  const { start, end, kind } = found;
  if (kind === 'null') return presets === '' ? [] : [{ start, end, text: `{${presets}}` }];
  if (kind !== 'object') throw new GatewayError('params_invalid', 'arguments are no object');
  const given = bytes.subarray(start, end);
  const object = scan(given, eachMember);
  const left = splice(given, removeMembers(given, object, [...changed.keys()]));
  const text = presets === '' ? left : splice(left, [insertion(left, object, presets)]);
  return text === given ? [] : [{ start, end, text }];
}

const eachMember = compileShape({ each: {} });

/** Members of an object as JSON text, joined by commas. */
function presetText(changed: ArgumentOverrides): string {
  return Array.from(changed)
    .flatMap(([name, { preset }]) =>
      preset === undefined ? [] : [`${JSON.stringify(name)}:${JSON.stringify(preset)}`],
    )
    .join();
}
