/**
 * Headers of an upstream: fixed ones, and those of the client that it should get. The gateway builds the headers of every
 * hop anew, so those of the hop itself cannot be set (RFC 9110 §7.6.1). Client credentials pass only with an acknowledgement
 * (2025-11-25 basic/authorization §Access Token Privilege Restriction: a token MUST NOT be passed through).
 */
import type { Findings } from './findings.ts';
import type { JsonPath } from './mcp-servers/jsonc.ts';
import type { Place } from './place.ts';
import type { Environment } from './variables.ts';
import { expandAt } from './variables.ts';

/** Written by the gateway or the HTTP client on every request. */
const hopHeaders = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Headers that apply only to the client's own hop (RFC 9110 §7.6.1, §7.2, §11.7); an operator may still set them for the next
 * one.
 */
const unforwardedHeaders = new Set([
  'host',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
]);

export const credentialHeaders = new Set(['authorization', 'cookie']);

function isHopHeader(lowerName: string): boolean {
  return hopHeaders.has(lowerName) || lowerName.startsWith('mcp-param-');
}

/** Whether a header of the client, in lower case, is never forwarded, under any name. */
export function isUnforwarded(lowerName: string): boolean {
  return isHopHeader(lowerName) || unforwardedHeaders.has(lowerName);
}

/* RFC 9110 §5.6.2 token. */
export function isHeaderName(text: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text);
}

/* RFC 9110 §5.5: visible ASCII, obs-text, inner spaces and tabs. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7E\x80-\xFF]*$/.test(text);
}

/**
 * The fixed headers, with variables replaced. A fault shows the position of an invalid name, because the name may be a misplaced
 * value.
 */
export function readHeaders(
  path: JsonPath,
  written: ReadonlyMap<string, string>,
  env: Environment,
  findings: Findings,
  place?: Place,
): readonly (readonly [name: string, value: string])[] {
  const headers: (readonly [string, string])[] = [];
  const seen = new Set<string>();
  let nth = 0;
  for (const [name, text] of written) {
    nth += 1;
    if (!isHeaderName(name)) {
      findings.fault(
        path,
        `header ${nth} has a name that HTTP does not allow`,
        'Write the bare name on the left and the value on the right',
      );
      continue;
    }
    const lower = name.toLowerCase();
    const at = [...path, name];
    if (isHopHeader(lower)) {
      findings.warn(at, 'left out: the gateway sets this header itself');
      continue;
    }
    if (seen.has(lower))
      findings.fault(at, 'the header stands here twice', 'Keep one; upper and lower case are the same');
    seen.add(lower);
    const value = expandAt(at, text, env, findings, place);
    if (value === undefined) continue;
    if (isHeaderValue(value)) headers.push([name, value.trim()]);
    else
      findings.fault(
        at,
        'the value holds a character that HTTP does not allow',
        'Take out line breaks and characters outside Latin-1',
      );
  }
  return headers;
}

/** The names of client headers to forward, in lower case. */
export function readForwarded(
  path: JsonPath,
  written: readonly string[],
  acknowledged: boolean,
  fixed: ReadonlySet<string>,
  findings: Findings,
): readonly string[] {
  const names = new Set<string>();
  for (const [i, text] of written.entries()) {
    const at = [...path, i];
    const name = text.toLowerCase();
    if (!isHeaderName(text)) {
      findings.fault(at, 'not the name of a header', 'Give names such as "X-Tenant"; "*" is not accepted');
    } else if (isUnforwarded(name)) {
      findings.fault(at, `${name} belongs to one hop and is never passed on`, 'Take it out');
    } else if (fixed.has(name)) {
      findings.fault(at, `${name} is also fixed in "headers"`, 'Keep one of the two');
    } else if (credentialHeaders.has(name) && !acknowledged) {
      findings.fault(
        at,
        `${name} would hand the client's credential for this gateway to the server, which MCP forbids`,
        'Give the server a credential of its own in "headers", or, when both are one service, add "acknowledgeTokenPassthrough": true',
      );
    } else {
      if (credentialHeaders.has(name))
        findings.warn(at, `${name} of the client is passed through to this server, as acknowledged`);
      names.add(name);
    }
  }
  return [...names];
}
