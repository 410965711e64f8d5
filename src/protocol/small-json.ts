/** A part of a peer's message, parsed whole: only while it is small, since `JSON.parse` of megabytes keeps the loop from everybody. */
import { maxParsedPartBytes } from './limits.ts';
import { rawOf, type Found } from './scan.ts';

/** Undefined where there is no such part, and where it is larger than anything that is meant. */
export function smallJson(bytes: Buffer, found: Found | undefined): unknown {
  if (found === undefined || found.end - found.start > maxParsedPartBytes) return undefined;
  return JSON.parse(rawOf(bytes, found));
}
