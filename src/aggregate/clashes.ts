/**
 * Names and URIs that several upstreams have, when the operator wants no prefix. Either each gets its prefix, or the name belongs
 * to the first upstream of the configuration and is hidden for the others. Calls follow the same rule.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { compileShape, scan } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import type { Catalogue, KeptPage, View } from './catalogue.ts';
import { itemsOf } from './filtered.ts';
import { joined } from './joined.ts';
import { keyOf } from './kinds.ts';
import type { ListKind } from './kinds.ts';
import { outwardName, shownName, splitName } from './names.ts';
import { listOrLast } from './owners.ts';
import type { Page } from './page.ts';
import { prefixedUri, schemeOf } from './uris.ts';
import type { Term } from './view.ts';

interface Claim {
  readonly first: UpstreamConfig;
  isShared: boolean;
}

/** All names of one kind, without prefix. */
export interface NameClaims {
  readonly kind: ListKind;
  readonly byKey: ReadonlyMap<string, Claim>;
  /** Only for templates: keyed by the scheme that all of their URIs have. */
  readonly byScheme: ReadonlyMap<string, Claim>;
  readonly ids: ReadonlySet<string>;
  readonly schemes: ReadonlySet<string>;
  /** The validity of the pages from which this was computed. */
  readonly madeOf: readonly Term[];
  /** Every upstream has returned its current list. */
  readonly isWhole: boolean;
}

/**
 * Undefined if no name depends on another upstream's. Requests the whole list of every upstream; for one that fails, its last
 * list is used.
 */
export async function claimsOf(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
): Promise<NameClaims | undefined> {
  const { kind } = view;
  const areUris = kind === 'resources' || kind === 'resourceTemplates';
  if (upstreams.every(({ naming, isOnly = false }) => naming.policy === 'always' || (areUris && isOnly)))
    return undefined;
  const pages = await Promise.all(
    upstreams.map(async (upstream) => {
      try {
        return await catalogue.pages(view, upstream);
      } catch {
        return undefined;
      }
    }),
  );
  const lists = await Promise.all(upstreams.map((upstream) => listOrLast(catalogue, view, upstream)));
  const byKey = new Map<string, Claim>();
  const byScheme = new Map<string, Claim>();
  for (const [at, list] of lists.entries()) {
    const upstream = upstreams[at]!;
    // The shown names are used, because the names for calls may be slightly older.
    const shown = pages[at]?.flatMap(({ page }) => page.keys);
    for (const key of shown === undefined ? (list?.keys ?? []) : new Set(shown)) {
      claim(byKey, shownKey(kind, upstream, key), upstream);
      if (kind === 'resourceTemplates') claim(byScheme, templateScheme(key), upstream);
    }
  }
  return {
    kind,
    byKey,
    byScheme,
    ids: new Set(upstreams.map(({ id }) => id)),
    schemes: new Set(upstreams.map(({ scheme }) => scheme)),
    madeOf: pages.flatMap((list: readonly KeptPage[] | undefined) => list?.map(({ term }) => term) ?? []),
    isWhole: pages.every((list) => list !== undefined),
  };
}

function claim(claims: Map<string, Claim>, key: string, upstream: UpstreamConfig): void {
  const claimed = claims.get(key);
  if (claimed === undefined) claims.set(key, { first: upstream, isShared: false });
  else if (claimed.first !== upstream) claimed.isShared = true;
}

/** The name of an item in these claims; `key` is its own name, URI or template. */
function shownKey(kind: ListKind, upstream: UpstreamConfig, key: string): string {
  return kind === 'tools' ? shownName(upstream, key, 'tool') : key;
}

/** Templates with different schemes have no URI in common. Empty if an expression may expand to the scheme. */
function templateScheme(template: string): string {
  return /^[^:{]*(?=:)/.exec(template)?.[0].toLowerCase() ?? '';
}

const itemShape = compileShape({ members: { name: {}, uri: {}, uriTemplate: {} } });

/** The items of a page under the names that they have among all upstreams, and the number of hidden ones. */
export function settled(
  page: Page,
  upstream: UpstreamConfig,
  claims: NameClaims,
): { readonly body: Buffer; readonly shadowed: number } {
  const shown: Buffer[] = [];
  let at = 0;
  for (const [start, end] of itemsOf(page.body)) {
    const key = page.keys[at++]!;
    const claimed = claims.byKey.get(shownKey(claims.kind, upstream, key));
    if (upstream.naming.policy === 'never' && claimed !== undefined && claimed.first !== upstream) continue;
    const item = page.body.subarray(start, end);
    const prefix = prefixFor(key, upstream, claims);
    shown.push(prefix === undefined ? item : renamed(item, keyOf(claims.kind), prefix));
  }
  return { body: joined(shown), shadowed: at - shown.length };
}

/**
 * The prefixed name of an item whose bare name is not unique or looks like another upstream's; undefined if it needs no prefix.
 */
function prefixFor(key: string, upstream: UpstreamConfig, claims: NameClaims): string | undefined {
  const { kind, byKey, byScheme, ids, schemes } = claims;
  const isFirstAlone = upstream.naming.policy === 'never';
  const shown = shownKey(kind, upstream, key);
  const isShared = !isFirstAlone && byKey.get(shown)?.isShared === true;
  if (kind === 'tools' || kind === 'prompts') {
    const isRead = splitName(shown, ids, upstream.naming) !== undefined;
    return isShared || isRead ? outwardName(upstream, key, kind === 'tools' ? 'tool' : 'prompt') : undefined;
  }
  const scheme = schemeOf(key);
  const isDoubtful =
    kind === 'resourceTemplates' && !isFirstAlone && isDoubtfulIn(byScheme, templateScheme(key), upstream);
  const isRead = scheme !== undefined && schemes.has(scheme);
  return isShared || isDoubtful || isRead ? prefixedUri(upstream.scheme, key) : undefined;
}

/** Whether another upstream's template may match a URI of this scheme. An expression at its beginning may match any scheme. */
function isDoubtfulIn(byScheme: ReadonlyMap<string, Claim>, scheme: string, upstream: UpstreamConfig): boolean {
  const isOthers = (claimed: Claim | undefined): boolean =>
    claimed !== undefined && (claimed.isShared || claimed.first !== upstream);
  return scheme === ''
    ? [...byScheme.values()].some(isOthers)
    : isOthers(byScheme.get(scheme)) || isOthers(byScheme.get(''));
}

function renamed(item: Buffer, member: string, name: string): Buffer {
  const found = scan(item, itemShape).member(member);
  return found === undefined
    ? item
    : splice(item, [{ start: found.start, end: found.end, text: JSON.stringify(name) }]);
}
