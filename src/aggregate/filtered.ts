/** A page with some items removed: those that were listed before, or those that exceed a limit. The others stay unchanged. */
import { elements } from '../protocol/list-result.ts';
import { joined } from './joined.ts';
import type { Page } from './page.ts';

/** The page without the items with these keys. */
export function without(page: Page, listed: ReadonlySet<string>): Page {
  if (listed.size === 0 || !page.keys.some((key) => listed.has(key))) return page;
  return keeping(page, (key) => !listed.has(key));
}

/** The page without the items that its reader must not see. */
export function shownIn(page: Page, isShown: (key: string) => boolean): Page {
  return page.keys.every((key) => isShown(key)) ? page : keeping(page, (key) => isShown(key));
}

/** The first items of the page, up to a number of items and of bytes. */
export function fitting(page: Page, maxItems: number, maxBytes: number): Page {
  if (page.count <= maxItems && page.body.length <= maxBytes) return page;
  let left = maxItems;
  let bytes = maxBytes;
  return keeping(page, (_, size) => {
    bytes -= size;
    return left-- > 0 && bytes >= 0;
  });
}

function keeping(page: Page, isKept: (key: string, bytes: number) => boolean): Page {
  const parts: Buffer[] = [];
  const keys: string[] = [];
  let at = 0;
  for (const [start, end] of itemsOf(page.body)) {
    const key = page.keys[at++]!;
    if (!isKept(key, end - start + 1)) continue;
    parts.push(page.body.subarray(start, end));
    keys.push(key);
  }
  return { ...page, body: joined(parts), count: keys.length, keys };
}

/** The positions of items that are joined by commas. */
export function itemsOf(body: Buffer): Iterable<readonly [start: number, end: number]> {
  return body.length === 0 ? [] : elements(body, -1);
}
