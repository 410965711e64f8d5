/** Parses a part of a peer's message, only if it is small: `JSON.parse` of megabytes would block the event loop. */
import { maxParsedPartBytes } from './limits.ts';
import { rawOf, type Found } from './scan.ts';

/** Undefined if there is no such part, or if it is too large. */
export function smallJson(bytes: Buffer, found: Found | undefined): unknown {
  if (found === undefined || found.end - found.start > maxParsedPartBytes) return undefined;
  return JSON.parse(rawOf(bytes, found));
}
