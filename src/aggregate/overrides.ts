/**
 * The operator's changes to the tools of an upstream: name, title, description, annotations and arguments. Lists and calls use
 * the same functions, so that a tool is called as it is shown: a renamed tool has no other name, and a client cannot set a preset
 * or hidden argument.
 */
import type { ToolOverride, UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { compileShape, scan, type Found } from '../protocol/scan.ts';
import { insertion, removeMembers, setMembers, splice, type Edit } from '../protocol/splice.ts';
import type { ParamHeader } from './param-headers.ts';

type Overridden = Pick<UpstreamConfig, 'overrides'>;
type Overrides = NonNullable<UpstreamConfig['overrides']>;
export type ArgumentOverrides = NonNullable<ToolOverride['arguments']>;

/** The shown name of a tool, before the prefix. */
export function shownToolName({ overrides }: Overridden, name: string): string {
  return overrides?.get(name)?.rename ?? name;
}

/** The upstream's own name of a tool with this shown name; undefined if it has been renamed to something else. */
export function ownToolName({ overrides }: Overridden, shown: string): string | undefined {
  if (overrides === undefined) return shown;
  const own = ownNames(overrides).get(shown);
  if (own !== undefined) return own;
  return overrides.get(shown)?.rename === undefined ? shown : undefined;
}

/** False for a tool whose name the operator has given to another tool. */
export function keepsItsName(upstream: Overridden, name: string): boolean {
  return upstream.overrides === undefined || ownToolName(upstream, shownToolName(upstream, name)) === name;
}

/** Whether any tool has been renamed. */
export function hasRenamed({ overrides }: Overridden): boolean {
  return overrides !== undefined && ownNames(overrides).size > 0;
}

/* Computed once per configuration, which is a separate value in each process. */
const inverse = new WeakMap<Overrides, ReadonlyMap<string, string>>();

/** Own names, keyed by the new ones. */
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

/** The changed arguments of a tool, by the upstream's own name of the tool; undefined if there are none. */
export function argumentsOf({ overrides }: Overridden, name: string): ArgumentOverrides | undefined {
  return overrides?.get(name)?.arguments;
}

/** The headers of a tool whose arguments clients know. */
export function headersShown(
  headers: readonly ParamHeader[],
  changed: ArgumentOverrides | undefined,
): readonly ParamHeader[] {
  return changed === undefined ? headers : headers.filter(({ path }) => !changed.has(path[0] ?? ''));
}

/**
 * The edit that converts a client's arguments for the upstream: without those that a client cannot set, and with the presets.
 * `params` is captured with its `arguments`. Throws `params_invalid` if the arguments are not an object, and `json_key_repeated`.
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
