/**
 * Which tools have their own series in the metrics: those that a server lists. Callers can invent names, so all others are
 * `other`.
 */

/** Maximum per server; further ones are `other`, because a server that lists new names each time must not fill the memory. */
const maxToolsOfUpstream = 512;
const maxNameChars = 128;

const listed = new Map<string, Set<string>>();

/** Names by which an upstream lists its tools. */
export function noteListed(upstream: string, names: Iterable<string>): void {
  let known = listed.get(upstream);
  if (known === undefined) listed.set(upstream, (known = new Set()));
  for (const name of names) {
    if (known.size >= maxToolsOfUpstream) return;
    if (name.length <= maxNameChars) known.add(name);
  }
}

/** The value of the label; empty if no tool is called. */
export function toolLabel(upstream: string, tool: string | undefined): string {
  if (tool === undefined) return '';
  return listed.get(upstream)?.has(tool) === true ? tool : 'other';
}
