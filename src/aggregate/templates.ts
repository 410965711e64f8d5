/**
 * Whether a URI could have been made from a URI template (RFC 6570 §1.2, §3.2), to route a URI that carries no prefix of ours.
 * Both texts come from peers, so no RegExp is built from them (CVE-2026-0621 was such a ReDoS). The work is linear in their
 * lengths for each part of the template, because literals are searched with the Knuth–Morris–Pratt algorithm.
 */

/** Longer texts match nothing. In UTF-16 units. */
const maxTemplateChars = 512;
const maxUriChars = 1024;
/** A template with more expressions matches nothing. */
const maxExpressions = 8;

/**
 * Expressions match any run of characters, the empty one too (an undefined variable expands to nothing, §3.2.1); a simple
 * `{x}` stays within a path segment, since simple expansion encodes `/` (§3.2.2). A malformed template matches nothing.
 */
export function matchesTemplate(template: string, uri: string): boolean {
  if (template.length > maxTemplateChars || uri.length > maxUriChars) return false;
  const first = template.indexOf('{');
  // Nearly all pairs of template and URI already differ here.
  if (!uri.startsWith(first === -1 ? template : template.slice(0, first))) return false;
  let reached = new Uint8Array(uri.length + 1);
  reached[0] = 1;
  let at = 0;
  for (let expressions = 0; ; expressions++) {
    const open = template.indexOf('{', at);
    const literal = template.slice(at, open === -1 ? template.length : open);
    if (literal.includes('}')) return false;
    if (literal !== '') reached = afterLiteral(reached, literal, uri);
    if (open === -1) return reached[uri.length] === 1;
    const close = template.indexOf('}', open);
    if (close === -1 || close === open + 1 || expressions === maxExpressions) return false;
    if (template.slice(open + 1, close).includes('{')) return false;
    spreadOver(reached, uri, !operators.includes(template.charAt(open + 1)));
    at = close + 1;
  }
}

/** RFC 6570 §2.2, without those reserved for extensions. */
const operators = '+#./;?&';

/** The positions that follow an occurrence of `literal` which begins at a reached one. */
function afterLiteral(reached: Uint8Array<ArrayBuffer>, literal: string, uri: string): Uint8Array<ArrayBuffer> {
  const fallback = bordersOf(literal);
  const next = new Uint8Array(reached.length);
  let matched = 0;
  for (let at = 0; at < uri.length; at++) {
    while (matched > 0 && uri.charCodeAt(at) !== literal.charCodeAt(matched)) matched = fallback[matched - 1] ?? 0;
    if (uri.charCodeAt(at) === literal.charCodeAt(matched)) matched++;
    if (matched === literal.length) {
      if (reached[at + 1 - literal.length] === 1) next[at + 1] = 1;
      matched = fallback[matched - 1] ?? 0;
    }
  }
  return next;
}

/** For each prefix of `literal`, the length of its longest proper prefix that is also its suffix. */
function bordersOf(literal: string): Uint16Array {
  const borders = new Uint16Array(literal.length);
  let length = 0;
  for (let at = 1; at < literal.length; at++) {
    while (length > 0 && literal.charCodeAt(at) !== literal.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (literal.charCodeAt(at) === literal.charCodeAt(length)) length++;
    borders[at] = length;
  }
  return borders;
}

/** From each reached position, reaches those to its right: up to the next `/`, or all. */
function spreadOver(reached: Uint8Array, uri: string, staysInSegment: boolean): void {
  for (let at = 0; at < uri.length; at++) {
    if (reached[at] === 1 && !(staysInSegment && uri.charCodeAt(at) === 0x2f)) reached[at + 1] = 1;
  }
}
