/**
 * The claims of a session, and their binary form inside the seal (docs/session-token.md §Payload). Numbers are big-endian:
 *
 *     flags u8 · iat u32 · exp u32 · jti 16 · principal 16 · route 8 · revision u8 · client capabilities u16 · n varint ·
 *     n × { upstream 4 · server capabilities u16 · form and revision u8 · session id }
 *
 * An upstream session id is packed into fewer bytes only where unpacking gives exactly the same text.
 */
import { createHash } from 'node:crypto';
import type { LegacyRevision } from '../protocol/revisions.ts';
import { fromBase64Url, lengthPrefixed, OctetReader, uint32, varint } from './octets.ts';

/** One upstream as it was when the client initialized. */
export interface SealedUpstream {
  /** `upstreamHash` of its name and address: after a move, the new address never gets the session id of the old one. */
  readonly hash: number;
  /** Server capability bits (protocol/capabilities.ts). */
  readonly capabilities: number;
  readonly revision: LegacyRevision;
  /** undefined for an upstream that keeps no sessions. */
  readonly sessionId: string | undefined;
}

/** Times are Unix seconds. */
export interface SessionClaims {
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** 16 random bytes that identify this session. */
  readonly jti: Buffer;
  /** `principalOf` the caller, 16 bytes; all zero when anonymous. */
  readonly principal: Buffer;
  readonly anonymous: boolean;
  /** `routeHash`, 8 bytes. */
  readonly route: Buffer;
  readonly revision: LegacyRevision;
  /** Client capability bits (protocol/capabilities.ts). */
  readonly clientCapabilities: number;
  readonly upstreams: readonly SealedUpstream[];
}

export const jtiBytes = 16;
export const principalBytes = 16;
const routeBytes = 8;
const maxUpstreams = 1_024;
const anonymousFlag = 1;

/** The codes are part of the layout. New ones may be added; existing ones must not change. */
const revisionCode: Readonly<Record<LegacyRevision, number>> = { '2025-03-26': 1, '2025-06-18': 2, '2025-11-25': 3 };
const revisionOf: ReadonlyMap<number, LegacyRevision> = new Map([
  [1, '2025-03-26'],
  [2, '2025-06-18'],
  [3, '2025-11-25'],
]);

/** Forms of a packed session id: the high half of the byte whose low half is the upstream's revision. */
const form = { none: 0, uuid: 1, hex: 2, base64url: 3, raw: 4 } as const;
const uuidBytes = 16;

/** Stable id of an upstream in sealed identifiers: 4 bytes of SHA-256 over name, origin and path, each length-prefixed. */
export function upstreamHash(name: string, origin: string, path: string): number {
  return createHash('sha256')
    .update(lengthPrefixed(name, origin, path))
    .digest()
    .readUInt32BE();
}

/** Id of a route, independent of its content, so that a reload ends no session: 8 bytes of SHA-256 over name and resource. */
export function routeHash(routeName: string, resource: string): Buffer {
  return createHash('sha256').update(lengthPrefixed(routeName, resource)).digest().subarray(0, routeBytes);
}

export function encodeClaims(claims: SessionClaims): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt8(claims.anonymous ? anonymousFlag : 0, 0);
  head.writeUInt32BE(claims.issuedAt, 1);
  head.writeUInt32BE(claims.expiresAt, 5);
  const client = Buffer.alloc(3);
  client.writeUInt8(revisionCode[claims.revision], 0);
  client.writeUInt16BE(claims.clientCapabilities, 1);
  return Buffer.concat([
    head,
    exactly(claims.jti, jtiBytes),
    exactly(claims.principal, principalBytes),
    exactly(claims.route, routeBytes),
    client,
    varint(claims.upstreams.length),
    ...claims.upstreams.map((upstream) => encodeUpstream(upstream)),
  ]);
}

/** The bytes of one upstream's entry: 7 bytes, then its session id. */
export function encodeUpstream(upstream: SealedUpstream): Buffer {
  const { tag, bytes } = pack(upstream.sessionId);
  const rest = Buffer.alloc(3);
  rest.writeUInt16BE(upstream.capabilities, 0);
  rest.writeUInt8((tag << 4) | revisionCode[upstream.revision], 2);
  return Buffer.concat([uint32(upstream.hash), rest, bytes]);
}

/** The claims in `payload`; undefined unless its bytes are exactly what `encodeClaims` would write. */
export function decodeClaims(payload: Buffer): SessionClaims | undefined {
  const reader = new OctetReader(payload);
  try {
    const flags = reader.u8();
    const issuedAt = reader.u32();
    const expiresAt = reader.u32();
    const jti = reader.take(jtiBytes);
    const principal = reader.take(principalBytes);
    const route = reader.take(routeBytes);
    const revision = revisionOf.get(reader.u8());
    const clientCapabilities = reader.u16();
    const count = reader.varint();
    if (flags > anonymousFlag || revision === undefined || count > maxUpstreams) return undefined;
    const upstreams: SealedUpstream[] = [];
    for (let index = 0; index < count; index++) {
      const upstream = decodeUpstream(reader);
      if (upstream === undefined) return undefined;
      upstreams.push(upstream);
    }
    if (reader.left > 0) return undefined;
    const anonymous = flags === anonymousFlag;
    return { issuedAt, expiresAt, jti, principal, anonymous, route, revision, clientCapabilities, upstreams };
  } catch (fault) {
    if (fault instanceof RangeError) return undefined;
    throw fault;
  }
}

function decodeUpstream(reader: OctetReader): SealedUpstream | undefined {
  const hash = reader.u32();
  const capabilities = reader.u16();
  const formAndRevision = reader.u8();
  const revision = revisionOf.get(formAndRevision & 0x0f);
  const tag = formAndRevision >>> 4;
  if (revision === undefined || tag > form.raw) return undefined;
  if (tag === form.none) return { hash, capabilities, revision, sessionId: undefined };
  const bytes = reader.take(tag === form.uuid ? uuidBytes : reader.varint());
  const sessionId = unpack(tag, bytes);
  return isCanonical(tag, bytes, sessionId) ? { hash, capabilities, revision, sessionId } : undefined;
}

/**
 * Each id has exactly one form: the shortest that restores it. Any 16 bytes are a UUID, and any non-empty bytes are hexadecimal.
 */
function isCanonical(tag: number, bytes: Buffer, sessionId: string): boolean {
  if (tag === form.uuid) return true;
  if (tag === form.hex) return bytes.length > 0;
  const again = pack(sessionId);
  return again.tag === tag && (tag !== form.raw || Buffer.from(sessionId, 'utf8').equals(bytes));
}

function pack(sessionId: string | undefined): { readonly tag: number; readonly bytes: Buffer } {
  if (sessionId === undefined) return { tag: form.none, bytes: Buffer.alloc(0) };
  if (sessionId.length === 36) {
    const bytes = Buffer.from(sessionId.replaceAll('-', ''), 'hex');
    if (bytes.length === uuidBytes && unpack(form.uuid, bytes) === sessionId) return { tag: form.uuid, bytes };
  }
  if (sessionId !== '') {
    const hex = Buffer.from(sessionId, 'hex');
    if (hex.toString('hex') === sessionId) return { tag: form.hex, bytes: behindLength(hex) };
    const base64url = fromBase64Url(sessionId);
    if (base64url !== undefined) return { tag: form.base64url, bytes: behindLength(base64url) };
  }
  return { tag: form.raw, bytes: behindLength(Buffer.from(sessionId, 'utf8')) };
}

function unpack(tag: number, bytes: Buffer): string {
  if (tag === form.raw) return bytes.toString('utf8');
  if (tag === form.base64url) return bytes.toString('base64url');
  const hex = bytes.toString('hex');
  if (tag === form.hex) return hex;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function behindLength(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

function exactly(bytes: Buffer, length: number): Buffer {
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}
