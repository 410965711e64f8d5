/**
 * From the name an operator wrote to the identifiers clients see: the prefix of tool names and the scheme of resource URIs
 * (protocol.md D3). Both are pure functions of the name, so they are the same on every replica and after every restart.
 */
import { maxIdChars } from './limits.ts';

/**
 * The upstream's id: `[A-Za-z0-9_.-]{1,32}` without the separator `__`, beginning and ending in a letter or digit, so that
 * `<id>__<tool>` has one reading. Empty when the name holds no letter or digit of ASCII.
 */
export function slug(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replaceAll(/_{2,}/g, '_');
  return trimmed(trimmed(plain).slice(0, maxIdChars));
}

/* A loop, since a pattern for the end of a text is tried anew at each character. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && '_.-'.includes(text[start]!)) start += 1;
  while (end > start && '_.-'.includes(text[end - 1]!)) end -= 1;
  return text.slice(start, end);
}

/** Schemes that resources carry themselves, and those that people compound with `+` (`git+https`). */
const takenSchemes = new Set([
  'about',
  'blob',
  'data',
  'file',
  'ftp',
  'git',
  'http',
  'https',
  'javascript',
  'mailto',
  'mcp',
  'resource',
  'ssh',
  'svn',
  'ui',
  'urn',
  'ws',
  'wss',
]);

/** The scheme prefix of an id: lower case, of RFC 3986 §3.1 without `+`, and none that resources use themselves. */
export function schemeOf(id: string): string {
  const lower = id.toLowerCase().replaceAll('_', '-');
  const scheme = /^[a-z]/.test(lower) ? lower : `x-${lower}`;
  return takenSchemes.has(scheme) ? `${scheme}-mcp` : scheme;
}
