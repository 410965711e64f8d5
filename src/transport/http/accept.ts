/**
 * The first checks of an HTTP request: method, headers, Host, Origin, content type. The message itself is not read here
 * (2025-11-25 basic/transports §Sending Messages to the Server, §Security Warning).
 */
import { isIP } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { tooLarge } from './body.ts';
import { maxHeadersCount } from './limits.ts';
import { messageLimits } from './message-limits.ts';

export { readBody } from './body.ts';

/** The few headers the gateway reads, as the client sent them. */
export interface Head {
  /** All headers, as a raw list. */
  readonly rawHeaders: readonly string[];
  host: string | undefined;
  origin: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  contentLength: string | undefined;
  sessionToken: string | undefined;
  revision: string | undefined;
  mcpMethod: string | undefined;
  mcpName: string | undefined;
  lastEventId: string | undefined;
  /** The Authorization header as received; never logged. */
  authorization: string | undefined;
}

type Field = Exclude<keyof Head, 'rawHeaders'>;

/* Keyed by the length of the name, so that most headers cost only one number comparison. */
const fields = new Map<number, readonly (readonly [name: string, field: Field])[]>();
for (const entry of [
  ['host', 'host'],
  ['origin', 'origin'],
  ['accept', 'accept'],
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['content-length', 'contentLength'],
  ['mcp-session-id', 'sessionToken'],
  ['mcp-protocol-version', 'revision'],
  ['mcp-method', 'mcpMethod'],
  ['mcp-name', 'mcpName'],
  ['last-event-id', 'lastEventId'],
  ['authorization', 'authorization'],
] as const satisfies readonly (readonly [string, Field])[]) {
  fields.set(entry[0].length, [...(fields.get(entry[0].length) ?? []), entry]);
}

/**
 * Reads the headers once, from the raw list: Node's header object joins or drops repeated ones silently. Throws `header_repeated`
 * if a header that the gateway reads is repeated, and `headers_too_many` when the count limit is reached.
 */
export function readHead(rawHeaders: readonly string[]): Head {
  if (rawHeaders.length >= maxHeadersCount * 2)
    throw new GatewayError('headers_too_many', `${rawHeaders.length / 2} headers`);
  const head: Head = {
    rawHeaders,
    host: undefined,
    origin: undefined,
    accept: undefined,
    contentType: undefined,
    contentEncoding: undefined,
    contentLength: undefined,
    sessionToken: undefined,
    revision: undefined,
    mcpMethod: undefined,
    mcpName: undefined,
    lastEventId: undefined,
    authorization: undefined,
  };
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const candidates = fields.get(name.length);
    if (candidates === undefined) continue;
    const lower = name.toLowerCase();
    for (const [known, field] of candidates) {
      if (lower !== known) continue;
      // Several Accept lines form one list (RFC 9110 §5.3). For every other header here, a second line is an attack or an error.
      if (head[field] === undefined) head[field] = rawHeaders[i + 1]!;
      else if (field === 'accept') head.accept += `,${rawHeaders[i + 1]!}`;
      else throw repeated(known);
    }
  }
  return head;
}

/**
 * Throws `header_repeated` if one of `names` (lower case) occurs more than once. If a forwarded credential occurred twice, the
 * gateway and the upstream could read different lines (RFC 9110 §5.3).
 */
export function checkSingle(rawHeaders: readonly string[], names: ReadonlySet<string>): void {
  if (names.size === 0) return;
  let seen: Set<string> | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!names.has(name)) continue;
    if (seen?.has(name) === true) throw repeated(name);
    (seen ??= new Set()).add(name);
  }
}

function repeated(name: string): GatewayError {
  return new GatewayError('header_repeated', name, { about: name });
}

/** Which Host and Origin values are allowed. Entries are lower case. `name` allows any port, `name:port` only that one. */
export interface OriginPolicy {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
  /** Allowed domain suffixes, each with its leading dot. */
  readonly suffixes?: readonly string[];
  /** The listener is bound to loopback, so pages of this machine may call it. */
  readonly loopback: boolean;
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Protects against DNS rebinding and cross-site requests. A Host that is an IP address is allowed, because rebinding needs a
 * name. Throws `host_not_allowed` or `origin_not_allowed` (2025-11-25 basic/transports §Security Warning: an invalid Origin gets
 * 403).
 */
export function checkOrigin(head: Head, policy: OriginPolicy): void {
  checkHost(head.host, policy);
  if (head.origin !== undefined && !originAllowed(head.origin, policy)) throw new GatewayError('origin_not_allowed');
}

/** Throws `host_not_allowed`. */
export function checkHost(host: string | undefined, policy: Omit<OriginPolicy, 'origins'>): void {
  if (host === undefined || !hostAllowed(host.toLowerCase(), policy)) throw new GatewayError('host_not_allowed');
}

/** Whether pages of this origin may call the gateway. */
function originAllowed(given: string, policy: OriginPolicy): boolean {
  const origin = given.toLowerCase();
  if (policy.origins.has(origin)) return true;
  const page = /^https?:\/\/(.*)$/.exec(origin)?.[1];
  return policy.loopback && page !== undefined && loopbackNames.has(nameOf(page));
}

function hostAllowed(host: string, policy: Omit<OriginPolicy, 'origins'>): boolean {
  if (policy.hosts.has(host)) return true;
  const name = nameOf(host);
  if (loopbackNames.has(name) || policy.hosts.has(name)) return true;
  if (policy.suffixes?.some((suffix) => name.endsWith(suffix) && name.length > suffix.length) === true) return true;
  return !policy.loopback && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

/** A host without its port: `[::1]:80` → `[::1]`; empty if anything else follows the name. */
function nameOf(host: string): string {
  const close = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  if (close <= 0) return host;
  return close === host.length || /^:\d*$/.test(host.slice(close)) ? host.slice(0, close) : '';
}

/**
 * Throws `accept_missing`, `content_type_unsupported`, `charset_unsupported`, `content_encoding_unsupported` or `body_too_large`.
 * `limit`: maximum message size in bytes; by default the setting of the process.
 */
export function checkPost(head: Head, limit = messageLimits().request): void {
  if (!accepts(head.accept, 'application/json') || !accepts(head.accept, 'text/event-stream'))
    throw new GatewayError('accept_missing');
  if (mediaType(head.contentType) !== 'application/json') throw new GatewayError('content_type_unsupported');
  if (!isUtf8Declared(head.contentType)) throw new GatewayError('charset_unsupported');
  if (head.contentEncoding !== undefined && head.contentEncoding.toLowerCase() !== 'identity')
    throw new GatewayError('content_encoding_unsupported');
  if (head.contentLength !== undefined && Number(head.contentLength) > limit) throw tooLarge(limit);
}

/** Throws `accept_stream_missing`. */
export function checkGet(head: Head): void {
  if (!accepts(head.accept, 'text/event-stream')) throw new GatewayError('accept_stream_missing');
}

/** Without the header anything is acceptable (RFC 9110 §12.5.1). */
function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return true;
  if (header === 'application/json, text/event-stream') return true;
  for (const part of header.split(',')) {
    const range = mediaType(part);
    if (range === type || range === '*/*' || range === `${type.slice(0, type.indexOf('/'))}/*`) return true;
  }
  return false;
}

/** RFC 8259 §8.1: JSON between systems is UTF-8. `charset` is not defined for JSON, so only another charset is an error. */
function isUtf8Declared(value: string | undefined): boolean {
  if (value === undefined || value === 'application/json' || !/charset/i.test(value)) return true;
  const charset = /;\s*charset\s*=\s*("?)([^\s;"]*)\1\s*(?:;|$)/i.exec(value)?.[2];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

function mediaType(value: string | undefined): string {
  if (value === undefined) return '';
  if (value === 'application/json') return value;
  const end = value.indexOf(';');
  return (end === -1 ? value : value.slice(0, end)).trim().toLowerCase();
}
