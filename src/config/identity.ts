/**
 * From the name that an operator wrote to the identifiers that clients see: the prefix of tool names and the scheme of resource
 * URIs. Both are pure functions of the name, so they are identical on every replica and after every restart.
 */
import { createHash } from 'node:crypto';
import { maxIdChars } from './limits.ts';

/** Hexadecimal digits that tell a cut or replaced name from others. */
const hashChars = 6;
/** Last parts of an address that say nothing of the server. */
const plainSegments = new Set(['mcp', 'sse', 'http', 'index', 'v1']);

/**
 * The upstream's id: `[A-Za-z0-9_.-]{1,32}` without the separator `__`, beginning and ending in a letter or digit, so that
 * `<id>__<tool>` has one reading. A name that is too long, or holds no letter or digit of ASCII, gets an id that ends in a hash
 * of the name, so that two such names stay apart. Empty for the empty name.
 */
export function slug(name: string): string {
  const plain = plainly(name);
  if (plain.length > maxIdChars) return hashed(speaking(name) || plain, name);
  return plain === '' && name !== '' ? hashed('server', name) : plain;
}

function plainly(name: string): string {
  return trimmed(name.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replaceAll(/_{2,}/g, '_'));
}

/* Cline names servers by their address, of which the end tells more than the beginning; its query may hold a secret. */
function speaking(name: string): string {
  if (!name.includes('/')) return '';
  const segments = name.split(/[?#]/, 1)[0]!.split('/').map(plainly);
  return segments.findLast((segment) => segment !== '' && !plainSegments.has(segment.toLowerCase())) ?? '';
}

function hashed(text: string, name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, hashChars);
  return `${trimmed(text.slice(0, maxIdChars - hashChars - 1))}-${hash}`;
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
