/** How an upstream is shown to people: enough to identify it, and nothing that may be a secret. */
import type { UpstreamTransport } from './model.ts';

/** A longer path segment with a digit is assumed to be a key, which some services put there. */
const maxShownSegmentChars = 20;

/** Origin and path of a URL without its query, or the program with the number of its arguments. */
export function shownTarget(transport: UpstreamTransport): string {
  if (transport.kind !== 'stdio') return shownUrl(transport.url);
  const count = transport.args.length;
  return count === 0 ? transport.command : `${transport.command} (${count} argument${count === 1 ? '' : 's'})`;
}

/** `url` must be valid. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = pathname
    .split('/')
    .map((part) => (part.length > maxShownSegmentChars && /[0-9]/.test(part) ? '…' : part));
  return origin + path.join('/');
}
