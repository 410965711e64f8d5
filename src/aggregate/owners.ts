/**
 * Which upstreams show a name or URI that carries no prefix of the gateway. MCP Apps and older configurations call tools by their
 * original names, and `http` and `https` URIs never get a prefix. The caller decides whether one owner is enough or whether it
 * must be the only one.
 */
import type { UpstreamConfig } from '../config/model.ts';
import type { Catalogue, View } from './catalogue.ts';
import type { KnownList } from './known-names.ts';
import { mayBeAlias } from './names.ts';
import { matchesTemplate } from './templates.ts';

/** Maximum number of URI templates of one upstream that a URI is compared with. */
const maxTemplatesTried = 256;

export interface Owner {
  readonly upstream: UpstreamConfig;
  /** The upstream's own name for the requested item. */
  readonly key: string;
}

export interface Owners {
  /** In the order of the configuration. An upstream that is unavailable is included if its last list has the item. */
  readonly owners: readonly Owner[];
  /** Upstreams that are unavailable and have never been reached: they may own it as well. */
  readonly unseen: readonly UpstreamConfig[];
}

/** The upstreams whose list of `view.kind` contains exactly this name, URI or template, or a name with this alias. */
export function ownersOf(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  key: string,
): Promise<Owners> {
  return ownersWhere(catalogue, view, upstreams, (list, { naming }) => {
    return list.owned(key) ?? (mayBeAlias(naming, key) ? list.named(key) : undefined);
  });
}

/** The upstreams that list this resource; if there are none, those with a template that matches it. */
export async function ownersOfUri(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  uri: string,
): Promise<Owners> {
  const listed = await ownersWhere(catalogue, { ...view, kind: 'resources' }, upstreams, ({ keys }) =>
    keys.has(uri) ? uri : undefined,
  );
  if (listed.owners.length > 0) return listed;
  const matching = await ownersWhere(catalogue, { ...view, kind: 'resourceTemplates' }, upstreams, ({ keys }) => {
    let tried = 0;
    for (const template of keys) {
      if (tried++ === maxTemplatesTried) return undefined;
      if (matchesTemplate(template, uri)) return uri;
    }
    return undefined;
  });
  return { owners: matching.owners, unseen: [...listed.unseen, ...matching.unseen] };
}

async function ownersWhere(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
  find: (list: KnownList, upstream: UpstreamConfig) => string | undefined,
): Promise<Owners> {
  const owners: Owner[] = [];
  const unseen: UpstreamConfig[] = [];
  const lists = await Promise.all(upstreams.map((upstream) => listOrLast(catalogue, view, upstream)));
  for (const [at, list] of lists.entries()) {
    const upstream = upstreams[at]!;
    const key = list === undefined ? undefined : find(list, upstream);
    if (list === undefined) unseen.push(upstream);
    else if (key !== undefined) owners.push({ upstream, key });
  }
  return { owners, unseen };
}

/** The current list of an upstream or, if it is unavailable, its last list; undefined if this process has never seen one. */
export async function listOrLast(
  catalogue: Catalogue,
  view: View,
  upstream: UpstreamConfig,
): Promise<KnownList | undefined> {
  try {
    return await catalogue.names.of(catalogue, view, upstream);
  } catch {
    return catalogue.names.last(view, upstream);
  }
}
