/**
 * From the name that an operator wrote to the identifiers that clients see: the prefix of tool names and the scheme of resource
 * URIs. Both are pure functions of the name, so they are identical on every replica and after every restart.
 */
import { createHash } from 'node:crypto';
import { maxIdChars } from './limits.ts';

/** Number of hexadecimal digits that distinguish a cut or replaced name. */
const hashChars = 6;
/** Last segments of an address that do not identify the server. */
const plainSegments = new Set(['mcp', 'sse', 'http', 'index', 'v1']);

/**
 * The upstream's id: `[A-Za-z0-9_.-]{1,32}` without the separator `__`, beginning and ending with a letter or digit, so that
 * `<id>__<tool>` is unambiguous. A name that is too long, or contains no ASCII letter or digit, gets an id that ends in a hash of
 * the name, so that such names stay different. Empty for the empty name.
 */
export function slug(name: string): string {
  const plain = plainly(name);
  if (plain.length > maxIdChars) return hashed(speaking(name) || plain, name);
  return plain === '' && name !== '' ? hashed('server', name) : plain;
}

function plainly(name: string): string {
  return trimmed(name.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replaceAll(/_{2,}/g, '_'));
}

/*
 * Cline names servers by their address; its end identifies the server better than its beginning. Its query may contain a secret.
 */
function speaking(name: string): string {
  if (!name.includes('/')) return '';
  const segments = name.split(/[?#]/, 1)[0]!.split('/').map(plainly);
  return segments.findLast((segment) => segment !== '' && !plainSegments.has(segment.toLowerCase())) ?? '';
}

function hashed(text: string, name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, hashChars);
  return `${trimmed(text.slice(0, maxIdChars - hashChars - 1))}-${hash}`;
}

/* A loop, because a pattern for the end of a text is tried again at each character. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && '_.-'.includes(text[start]!)) start += 1;
  while (end > start && '_.-'.includes(text[end - 1]!)) end -= 1;
  return text.slice(start, end);
}

/** Schemes that resources use themselves, and those that are combined with `+` (`git+https`). */
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

/**
 * The scheme prefix of an id: lower case, valid by RFC 3986 §3.1, without `+`, and not a scheme that resources use themselves.
 */
export function schemeOf(id: string): string {
  const lower = id.toLowerCase().replaceAll('_', '-');
  const scheme = /^[a-z]/.test(lower) ? lower : `x-${lower}`;
  return takenSchemes.has(scheme) ? `${scheme}-mcp` : scheme;
}
