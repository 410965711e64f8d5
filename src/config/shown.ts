/** How an upstream is shown to people: enough to tell which one it is, nothing that may be a secret. */
import type { UpstreamTransport } from './model.ts';

/** Longer parts of a path that hold a digit are taken for keys, which some services put there. */
const maxShownSegmentChars = 20;

/** Origin and path of a URL without its query, or the program with the number of its arguments. */
export function shownTarget(transport: UpstreamTransport): string {
  if (transport.kind !== 'stdio') return shownUrl(transport.url);
  const count = transport.args.length;
  return count === 0 ? transport.command : `${transport.command} (${count} argument${count === 1 ? '' : 's'})`;
}

/** `url` must be a valid one. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = pathname
    .split('/')
    .map((part) => (part.length > maxShownSegmentChars && /[0-9]/.test(part) ? '…' : part));
  return origin + path.join('/');
}
