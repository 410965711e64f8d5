/**
 * Values of `Mcp-Name` and `Mcp-Param-*`: plain text if a header can contain it, else base64 of its UTF-8 between markers
 * (2026-07-28 basic/transports/streamable-http §Value Encoding).
 */
import { isUtf8 } from 'node:buffer';

const opening = '=?base64?';
const closing = '?=';

/**
 * The text as a header value. Text is encoded if it is not printable ASCII, begins or ends with a space, is empty, or looks like
 * an encoded value. `text` must be well formed: half of a surrogate pair has no UTF-8.
 */
export function encodeHeaderValue(text: string): string {
  return isPlain(text) && !hasMarkers(text) ? text : opening + Buffer.from(text).toString('base64') + closing;
}

/**
 * The text of a header value; undefined for an invalid byte, non-canonical base64, and bytes that are not UTF-8. `value` has no
 * white space around it.
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (!isPrintable(value)) return undefined;
  if (value.length < opening.length + closing.length || !hasMarkers(value)) return value;
  const encoded = value.slice(opening.length, -closing.length);
  const bytes = Buffer.from(encoded, 'base64');
  // The decoder skips unknown characters, which would allow several encodings of one text.
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString() : undefined;
}

/** The header text of a JSON value; undefined for a value that no header mirrors. Integers beyond ±(2^53−1) are not mirrored. */
export function mirroredText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
        ? String(value)
        : undefined;
    default:
      return undefined;
  }
}

function isPlain(text: string): boolean {
  return text !== '' && !isSpace(text.charCodeAt(0)) && !isSpace(text.charCodeAt(text.length - 1)) && isPrintable(text);
}

/** A shorter text that only looks like an encoded one is encoded too: the markers may overlap. */
function hasMarkers(text: string): boolean {
  return text.startsWith(opening) && text.endsWith(closing);
}

function isPrintable(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if ((unit < 0x20 && unit !== 0x09) || unit > 0x7e) return false;
  }
  return true;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}
