/**
 * Names that clients see: `<upstream id>__<name>` (2026-07-28 server/tools §Tool Names: aggregating proxies should prefix with
 * a server identifier of their own). A pure function of the two, and reversible: an id never holds `__` and never ends in `_`,
 * so the first `__` is always the separator.
 */

const separator = '__';

/** The specification's bound on a tool name, here on the whole outward name. */
const maxNameChars = 128;

/** Tool names: the specification's alphabet, and `/`, which earlier drafts of it allowed and servers still use. */
const toolName = /^[A-Za-z0-9_./-]+$/;

/** Prompt names have no alphabet in the specification; what cannot be printed is refused (security.md T22). */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

export function outwardName(upstreamId: string, name: string): string {
  return upstreamId + separator + name;
}

/** The parts of an outward name; undefined for a bare name and for one whose prefix is no known id. */
export function splitName(
  text: string,
  knownIds: { has(id: string): boolean },
): { readonly id: string; readonly name: string } | undefined {
  const at = text.indexOf(separator);
  if (at < 1) return undefined;
  const id = text.slice(0, at);
  return knownIds.has(id) ? { id, name: text.slice(at + separator.length) } : undefined;
}

/** Whether an upstream's name may be shown and called: printable, not empty, and short enough with its prefix. */
export function isNameable(kind: 'tool' | 'prompt', upstreamId: string, name: string): boolean {
  if (name === '' || upstreamId.length + separator.length + name.length > maxNameChars) return false;
  return kind === 'tool' ? toolName.test(name) : !unprintable.test(name);
}
