/**
 * Names that several upstreams have, where the operator wants names without a prefix (design.md §5, security.md T22): each gets
 * its prefix, or the first upstream of the configuration has the name and the others' are not shown. Calls go by the same rule.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { compileShape, scan } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import type { Edit } from '../protocol/splice.ts';
import type { Catalogue, Held, View } from './catalogue.ts';
import { outwardName, splitName } from './names.ts';
import { listOrLast } from './owners.ts';
import type { Page } from './page.ts';

interface Claim {
  readonly first: UpstreamConfig;
  isShared: boolean;
}

/** All names of one kind, by the upstreams' own words. */
export interface Claims {
  readonly byName: ReadonlyMap<string, Claim>;
  readonly ids: ReadonlySet<string>;
  /** The pages that this was learnt from. */
  readonly madeOf: readonly Held[];
  /** Every upstream has said what it lists now. */
  readonly isWhole: boolean;
}

/** Undefined where no name depends on another upstream's. Asks every upstream for its whole list; one that fails counts as it was. */
export async function claimsOf(
  catalogue: Catalogue,
  view: View,
  upstreams: readonly UpstreamConfig[],
): Promise<Claims | undefined> {
  const isNamed = view.kind === 'tools' || view.kind === 'prompts';
  if (!isNamed || upstreams.every(({ naming }) => naming.policy === 'always')) return undefined;
  const pages = await Promise.all(upstreams.map((upstream) => catalogue.pages(view, upstream).catch(() => undefined)));
  const lists = await Promise.all(upstreams.map((upstream) => listOrLast(catalogue, view, upstream)));
  const byName = new Map<string, Claim>();
  for (const [at, list] of lists.entries()) {
    // What is shown decides, as the names that calls go by may be a little older.
    const shown = pages[at]?.flatMap(({ page }) => page.keys);
    for (const key of shown === undefined ? (list?.keys ?? []) : new Set(shown)) {
      const claim = byName.get(key);
      if (claim === undefined) byName.set(key, { first: upstreams[at]!, isShared: false });
      else claim.isShared = true;
    }
  }
  return {
    byName,
    ids: new Set(upstreams.map(({ id }) => id)),
    madeOf: pages.flatMap((list) => list ?? []),
    isWhole: pages.every((list) => list !== undefined),
  };
}

const itemsShape = compileShape({ items: { members: { name: {} } } });

/** The items of a page under the names that they have among those of all upstreams, and how many are not shown. */
export function settled(
  page: Page,
  upstream: UpstreamConfig,
  { byName, ids }: Claims,
): { readonly body: Buffer; readonly shadowed: number } {
  const bytes = Buffer.concat([open, page.body, close]);
  const items = scan(bytes, itemsShape).items;
  const shown: Buffer[] = [];
  for (const [at, item] of items.entries()) {
    const key = page.keys[at] ?? '';
    const claim = byName.get(key);
    if (upstream.naming.policy === 'never') {
      if (claim === undefined || claim.first === upstream) shown.push(bytes.subarray(item.start, item.end));
    } else {
      // A name that would be read as that of another upstream is never shown bare.
      const isBare = claim?.isShared !== true && splitName(key, ids, upstream.naming) === undefined;
      shown.push(isBare ? bytes.subarray(item.start, item.end) : prefixed(bytes, item, outwardName(upstream, key)));
    }
  }
  return {
    body: Buffer.concat(shown.flatMap((each, at) => (at === 0 ? [each] : [comma, each]))),
    shadowed: items.length - shown.length,
  };
}

const open = Buffer.from('[');
const close = Buffer.from(']');
const comma = Buffer.from(',');

function prefixed(bytes: Buffer, item: Found, name: string): Buffer {
  const found = item.member('name');
  const edits: Edit[] =
    found === undefined
      ? []
      : [{ start: found.start - item.start, end: found.end - item.start, text: JSON.stringify(name) }];
  return splice(bytes.subarray(item.start, item.end), edits);
}
