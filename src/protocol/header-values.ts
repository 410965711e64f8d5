/**
 * Values of `Mcp-Name` and `Mcp-Param-*`: text as it is where a header can hold it, else as base64 of its UTF-8 between markers
 * (2026-07-28 basic/transports/streamable-http §Value Encoding).
 */
import { isUtf8 } from 'node:buffer';

const opening = '=?base64?';
const closing = '?=';

/**
 * The text as a header value. What is not printable ASCII, begins or ends with space, is empty, or could be taken for an encoded
 * value is encoded. `text` is to be well formed: half of a surrogate pair has no UTF-8 and reaches nobody.
 */
export function encodeHeaderValue(text: string): string {
  return isPlain(text) && !hasMarkers(text) ? text : opening + Buffer.from(text).toString('base64') + closing;
}

/**
 * The text that a header value stands for; undefined for a byte that no value may hold, base64 that is not the canonical one, and
 * bytes that are not UTF-8. `value` comes without the space that HTTP allows around it.
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (!isPrintable(value)) return undefined;
  if (value.length < opening.length + closing.length || !hasMarkers(value)) return value;
  const encoded = value.slice(opening.length, -closing.length);
  const bytes = Buffer.from(encoded, 'base64');
  // The decoder passes over what it does not know, which would let one text have many forms.
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString() : undefined;
}

/** The text that a JSON value is mirrored as; undefined for what no header mirrors. Integers beyond ±(2^53−1) are not mirrored. */
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

/** Shorter texts that only look like an encoded one are encoded as well: the markers may overlap. */
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
