/**
 * Names and URIs that several upstreams have, where the operator wants them without a prefix. Either each gets its prefix, or the
 * first upstream of the configuration owns the name and the others' are hidden. Calls follow the same rule.
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

/** All names of one kind, as they stand without a prefix. */
export interface NameClaims {
  readonly kind: ListKind;
  readonly byKey: ReadonlyMap<string, Claim>;
  /** Templates alone: by the scheme that all of their URIs have. */
  readonly byScheme: ReadonlyMap<string, Claim>;
  readonly ids: ReadonlySet<string>;
  readonly schemes: ReadonlySet<string>;
  /** How long the pages count that this was learnt from. */
  readonly madeOf: readonly Term[];
  /** Every upstream has said what it lists now. */
  readonly isWhole: boolean;
}

/** Undefined where no name depends on another upstream's. Asks every upstream for its whole list; one that fails counts as it was. */
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
    // What is shown decides, as the names that calls go by may be a little older.
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

/** What stands for an item whose own name, URI or template is `key`. */
function shownKey(kind: ListKind, upstream: UpstreamConfig, key: string): string {
  return kind === 'tools' ? shownName(upstream, key, 'tool') : key;
}

/** Templates of two schemes have no URI in common. Empty where an expression may stand for the scheme. */
function templateScheme(template: string): string {
  return /^[^:{]*(?=:)/.exec(template)?.[0].toLowerCase() ?? '';
}

const itemShape = compileShape({ members: { name: {}, uri: {}, uriTemplate: {} } });

/** The items of a page under the names that they have among those of all upstreams, and how many are not shown. */
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

/** The prefixed name of an item whose bare name is not unique or reads as another upstream's; undefined when it needs no prefix. */
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

/** Whether another upstream's template may have a URI of this scheme. An expression in its place may stand for any. */
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
