/**
 * Names that clients see: `<upstream id><separator><name>` unless the operator wants them bare (2026-07-28 server/tools §Tool
 * Names: aggregating proxies should prefix with a server identifier of their own). All are pure functions of upstream and name.
 * A prefix can be taken off again, as the first separator is always the gateway's own; an alias has to be looked up.
 *
 * A tool that the operator has renamed goes by its new name in all of this (overrides.ts).
 *
 * A tool has an alias where models refuse its name: their interfaces take `[A-Za-z0-9_-]{1,64}`, the specification takes more.
 */
import { createHash } from 'node:crypto';
import type { Naming, UpstreamConfig } from '../config/model.ts';
import { shownToolName } from './overrides.ts';

type Named = Pick<UpstreamConfig, 'id' | 'naming' | 'overrides'>;

/** Items that have a name. Models never see the names of prompts. */
export type NamedKind = 'tool' | 'prompt';

/** The specification's limit for a tool name; here it applies to the whole outward name. */
const maxNameChars = 128;

/** Tool names: the specification's alphabet, and `/`, which earlier drafts of it allowed and servers still use. */
const toolName = /^[A-Za-z0-9_./-]+$/;

/** The characters that model APIs accept in a tool name. */
const modelName = /^[A-Za-z0-9_-]+$/;
const notForModels = /[^A-Za-z0-9_-]+/gu;

/** Unprintable characters are refused in any name: the specification has no alphabet for prompt names. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** The name after the prefix: the upstream's own, or the operator's new name of the tool. */
export function shownName(upstream: Named, name: string, kind: NamedKind): string {
  return kind === 'tool' ? shownToolName(upstream, name) : name;
}

/** The name with its prefix. `name` is the upstream's own. */
export function outwardName(upstream: Named, name: string, kind: NamedKind = 'tool'): string {
  const shown = shownName(upstream, name, kind);
  return fitting(upstream, upstream.id + upstream.naming.separator + shown, shown, kind);
}

/** The name without a prefix. */
export function bareName(upstream: Named, name: string, kind: NamedKind = 'tool'): string {
  const shown = shownName(upstream, name, kind);
  return fitting(upstream, shown, shown, kind);
}

/** The listed name, unless another upstream's list affects it. */
export function listedName(upstream: Named, name: string, kind: NamedKind = 'tool'): string {
  return upstream.naming.policy === 'always' ? outwardName(upstream, name, kind) : bareName(upstream, name, kind);
}

/** Hexadecimal digits of a hash in an alias, so that different names have different aliases. */
const hashChars = 12;
const aliasEnd = /_[0-9a-f]{12}$/;

/** Begins like the name, so that people recognize it. */
function fitting({ id, naming }: Named, outward: string, name: string, kind: NamedKind): string {
  const isSpelled = kind === 'prompt' || isForAny(naming) || modelName.test(outward);
  if (isSpelled && (naming.tooLong === 'warn' || outward.length <= naming.maxChars)) return outward;
  const hash = createHash('sha256')
    .update(JSON.stringify([id, name]))
    .digest('hex')
    .slice(0, hashChars);
  const spelled = isSpelled ? outward : outward.replaceAll(notForModels, '_');
  const head = spelled.slice(0, naming.maxChars - hashChars - 1);
  return `${/[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head}_${hash}`;
}

function isForAny({ charset }: Naming): boolean {
  return charset === 'any';
}

/** Whether a name may be an alias. Only then are the lists searched for it. */
export function mayBeAlias(naming: Naming, text: string): boolean {
  const { tooLong, maxChars } = naming;
  if (!aliasEnd.test(text)) return false;
  if (!isForAny(naming) && text.length <= maxChars && modelName.test(text)) return true;
  // One less if the cut splits a surrogate pair.
  return tooLong === 'shorten' && (text.length === maxChars || text.length === maxChars - 1);
}

/** The parts of an outward name; undefined for a bare name and for an unknown prefix. */
export function splitName(
  text: string,
  knownIds: { has(id: string): boolean },
  { policy, separator }: Naming,
): { readonly id: string; readonly name: string } | undefined {
  if (policy === 'never') return undefined;
  const at = text.indexOf(separator);
  if (at < 1) return undefined;
  const id = text.slice(0, at);
  return knownIds.has(id) ? { id, name: text.slice(at + separator.length) } : undefined;
}

/** Whether an upstream's name may be shown and called: printable, not empty, and short enough with its prefix. */
export function isNameable(kind: NamedKind, upstream: Named, own: string): boolean {
  const { id, naming } = upstream;
  const name = shownName(upstream, own, kind);
  if (name === '' || name.length > maxNameChars || unprintable.test(name)) return false;
  const prefix = naming.policy === 'never' ? '' : id + naming.separator;
  const isAliased = kind === 'tool' && !isForAny(naming) && !modelName.test(prefix + name);
  if (isAliased) return true;
  if (kind === 'tool' && !toolName.test(name)) return false;
  return naming.tooLong === 'shorten' || prefix.length + name.length <= maxNameChars;
}
