/**
 * Which upstreams show a name or URI that carries no prefix of ours (design.md §5): app frames and older configurations call
 * tools by their original names, and web URIs never get a prefix (protocol.md D3). Whether one is enough, or unique is
 * needed, is for the caller to say.
 */
import type { UpstreamConfig } from '../config/model.ts';
import type { Failure } from './assemble.ts';
import type { Catalogue, Held, View } from './catalogue.ts';
import { matchesTemplate } from './templates.ts';

/** URI templates of one upstream that a URI is tried on. */
const maxTemplatesTried = 256;

export interface Owners {
  /** In the order of the configuration. */
  readonly owners: readonly UpstreamConfig[];
  /** Upstreams that could not be asked: they may own it as well. */
  readonly failed: readonly Failure[];
}

/** The upstreams whose list of `view.kind` holds this very name, URI or template. Loads what is not at hand. */
export function ownersOf(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  key: string,
): Promise<Owners> {
  return ownersWhere(catalogue, view, upstreams, (pages) => pages.some((held) => keysOf(held).has(key)));
}

/** The upstreams that list this resource; without any, those with a template that it matches. */
export async function ownersOfUri(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  uri: string,
): Promise<Owners> {
  const listed = await ownersOf(catalogue, { ...view, kind: 'resources' }, upstreams, uri);
  if (listed.owners.length > 0) return listed;
  const matching = await ownersWhere(catalogue, { ...view, kind: 'resourceTemplates' }, upstreams, (pages) =>
    pages
      .flatMap(({ page }) => page.keys)
      .slice(0, maxTemplatesTried)
      .some((template) => matchesTemplate(template, uri)),
  );
  return { owners: matching.owners, failed: [...listed.failed, ...matching.failed] };
}

async function ownersWhere(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  holds: (pages: readonly Held[]) => boolean,
): Promise<Owners> {
  const owners: UpstreamConfig[] = [];
  const failed: Failure[] = [];
  const lists = await Promise.allSettled(upstreams.map((upstream) => catalogue.pages(view, upstream)));
  for (const [at, list] of lists.entries()) {
    const upstream = upstreams[at];
    if (upstream === undefined) continue;
    if (list.status === 'rejected') failed.push({ upstream, fault: list.reason });
    else if (holds(list.value)) owners.push(upstream);
  }
  return { owners, failed };
}

function keysOf(held: Held): ReadonlySet<string> {
  held.keys ??= new Set(held.page.keys);
  return held.keys;
}
