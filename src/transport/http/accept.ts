/**
 * The first look at an HTTP request: verb, headers, Host, Origin, content type, then its bounded body. Nothing here reads the
 * message. Streamable HTTP (2025-11-25 basic/transports) §Sending Messages, §Security Warning.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { maxMessageBytes } from '../../protocol/limits.ts';
import { maxHeadersCount } from './limits.ts';

/** The few headers the gateway reads, as the client sent them. */
export interface Head {
  /** All of them, as a raw list. */
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
}

type Field = Exclude<keyof Head, 'rawHeaders'>;

/* Keyed by the length of the name first, so that most headers of a request cost one number comparison. */
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
] as const satisfies readonly (readonly [string, Field])[]) {
  fields.set(entry[0].length, [...(fields.get(entry[0].length) ?? []), entry]);
}

/**
 * Reads the headers once, from the raw list: Node's own object joins or drops repeated ones silently.
 * Throws `header_repeated` for a repeated header of ours and `headers_too_many` when the count limit is reached.
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
  };
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const candidates = fields.get(name.length);
    if (candidates === undefined) continue;
    const lower = name.toLowerCase();
    for (const [known, field] of candidates) {
      if (lower !== known) continue;
      // Several Accept lines are one list (RFC 9110 §5.3); of every other header here a second one is an attack or a fault.
      if (head[field] === undefined) head[field] = rawHeaders[i + 1]!;
      else if (field === 'accept') head.accept += `,${rawHeaders[i + 1]!}`;
      else throw new GatewayError('header_repeated', known);
    }
  }
  return head;
}

/** Which Host and Origin values are let in. Entries are lower case; `name` stands for any port, `name:port` for that one. */
export interface OriginPolicy {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
  /** The listener is bound to loopback: pages of this machine may call it. */
  readonly loopback: boolean;
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Guards against DNS rebinding and cross-site requests. A Host that is an IP address is let in: rebinding needs a name.
 * Throws `host_not_allowed` or `origin_not_allowed` (2025-11-25 transports §Security Warning: invalid Origin is 403).
 */
export function checkOrigin(head: Head, policy: OriginPolicy): void {
  if (head.host === undefined || !hostAllowed(head.host.toLowerCase(), policy))
    throw new GatewayError('host_not_allowed', head.host);
  if (head.origin === undefined) return;
  const origin = head.origin.toLowerCase();
  if (policy.origins.has(origin)) return;
  const page = /^https?:\/\/(.*)$/.exec(origin)?.[1];
  if (policy.loopback && page !== undefined && loopbackNames.has(nameOf(page))) return;
  throw new GatewayError('origin_not_allowed', head.origin);
}

function hostAllowed(host: string, policy: OriginPolicy): boolean {
  if (policy.hosts.has(host)) return true;
  const name = nameOf(host);
  if (loopbackNames.has(name) || policy.hosts.has(name)) return true;
  return !policy.loopback && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

/** A host without its port: `[::1]:80` → `[::1]`; empty for one with anything else behind it. */
function nameOf(host: string): string {
  const close = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  if (close <= 0) return host;
  return close === host.length || /^:\d*$/.test(host.slice(close)) ? host.slice(0, close) : '';
}

/** Throws `accept_missing`, `content_type_unsupported`, `content_encoding_unsupported` or `body_too_large`. */
export function checkPost(head: Head): void {
  if (!accepts(head.accept, 'application/json') || !accepts(head.accept, 'text/event-stream'))
    throw new GatewayError('accept_missing', head.accept);
  if (mediaType(head.contentType) !== 'application/json')
    throw new GatewayError('content_type_unsupported', head.contentType);
  if (head.contentEncoding !== undefined && head.contentEncoding.toLowerCase() !== 'identity')
    throw new GatewayError('content_encoding_unsupported');
  if (head.contentLength !== undefined && Number(head.contentLength) > maxMessageBytes)
    throw new GatewayError('body_too_large', head.contentLength);
}

/** Throws `accept_stream_missing`. */
export function checkGet(head: Head): void {
  if (!accepts(head.accept, 'text/event-stream')) throw new GatewayError('accept_stream_missing', head.accept);
}

function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return false;
  if (header === 'application/json, text/event-stream') return true;
  for (const part of header.split(',')) {
    const range = mediaType(part);
    if (range === type || range === '*/*' || range === `${type.slice(0, type.indexOf('/'))}/*`) return true;
  }
  return false;
}

function mediaType(value: string | undefined): string {
  if (value === undefined) return '';
  if (value === 'application/json') return value;
  const end = value.indexOf(';');
  return (end === -1 ? value : value.slice(0, end)).trim().toLowerCase();
}

/**
 * Collects the body, at most `maxMessageBytes`, and gives it to `done`, or the fault: `body_too_large` (the connection is to be
 * closed: the rest of the body is not read) or `body_incomplete`.
 */
export function readBody(
  request: IncomingMessage,
  done: (fault: GatewayError | undefined, body: Buffer) => void,
): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let size = 0;
  let over = false;
  request.on('data', (chunk: Buffer) => {
    if (over) return;
    size += chunk.length;
    if (size > maxMessageBytes) {
      over = true;
      request.pause();
      done(new GatewayError('body_too_large', `over ${maxMessageBytes}`), empty);
    } else if (first === undefined) first = chunk;
    else (rest ??= [first]).push(chunk);
  });
  request.on('end', () => {
    if (over) return;
    over = true;
    done(undefined, rest === undefined ? (first ?? empty) : Buffer.concat(rest, size));
  });
  const broken = (): void => {
    // Also called after every whole body, so nothing may be made before this line.
    if (over) return;
    over = true;
    done(new GatewayError('body_incomplete'), empty);
  };
  request.on('error', broken);
  request.on('close', broken);
}

const empty = Buffer.alloc(0);
