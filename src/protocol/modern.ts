/**
 * Revision 2026-07-28, which has no sessions: each request contains its revision and the client's capabilities in `params._meta`
 * (2026-07-28 basic/index §_meta).
 */
import { modernClientBits } from './declared.ts';
import { maxClientInfoBytes } from './limits.ts';
import { isLogLevel } from './log-levels.ts';
import type { LogLevel } from './log-levels.ts';
import type { Message } from './message.ts';
import { rawOf, textOf } from './scan.ts';
import type { Found } from './scan.ts';

/** The `_meta` keys that the revision reserves. They apply to one hop. */
export const metaKey = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The member of the params that `Mcp-Name` repeats, by method (2026-07-28 basic/transports/streamable-http). Others have none. */
const nameMembers: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** The value that `Mcp-Name` repeats; undefined for a request without one. */
export function namedIn({ method, params }: Message): Found | undefined {
  return params?.member(nameMembers.get(method) ?? '');
}

/** The keys that the specification requires in every request. `clientInfo` must not be required. */
const requiredMetaKeys: readonly string[] = [metaKey.protocolVersion, metaKey.clientCapabilities];

/** A request's description of its client. It determines the form of the answer and is never proof of identity. */
export interface Envelope {
  /** As the client wrote it, known or not; undefined if it is not a string, or much too long. */
  readonly protocolVersion: string | undefined;
  /** Bits of `clientCapability` in this revision: without `tasks` except the extension, and without `roots.listChanged`. */
  readonly capabilityBits: number;
  /** Raw JSON text of an object of at most `maxClientInfoBytes`. */
  readonly clientInfo: string | undefined;
  /** Without it the client wants no `notifications/message`. */
  readonly logLevel: LogLevel | undefined;
  /** Required keys that are absent or of a wrong type, in the order of `requiredMetaKeys`: −32602 and HTTP 400. */
  readonly missing: readonly string[];
  /** Optional keys with a value that this revision does not allow: −32602. */
  readonly invalid: readonly string[];
}

/**
 * Undefined for a message that is not of this revision: it has no key of the protocol version, whatever its value. A malformed
 * request with that key is never treated as one of an older revision.
 */
export function readEnvelope({ bytes, params }: Message): Envelope | undefined {
  const meta = params?.member('_meta');
  const version = meta?.member(metaKey.protocolVersion);
  if (meta === undefined || version === undefined) return undefined;
  const declared = meta.member(metaKey.clientCapabilities);
  const declares = declared?.kind === 'object';
  const level = meta.member(metaKey.logLevel);
  const levelText = shortText(bytes, level) ?? '';
  const logLevel = isLogLevel(levelText) ? levelText : undefined;
  const protocolVersion = shortText(bytes, version);
  return {
    protocolVersion,
    capabilityBits: modernClientBits(declared),
    clientInfo: objectText(bytes, meta.member(metaKey.clientInfo)),
    logLevel,
    missing:
      protocolVersion !== undefined && declares
        ? none
        : requiredMetaKeys.filter((key) =>
            key === metaKey.protocolVersion ? protocolVersion === undefined : !declares,
          ),
    invalid: level === undefined || logLevel !== undefined ? none : [metaKey.logLevel],
  };
}

const none: readonly string[] = [];

function objectText(bytes: Buffer, found: Found | undefined): string | undefined {
  return found?.kind === 'object' && found.end - found.start <= maxClientInfoBytes ? rawOf(bytes, found) : undefined;
}

/** Versions and levels are never longer. */
const maxShortBytes = 256;

function shortText(bytes: Buffer, found: Found | undefined): string | undefined {
  return found?.kind === 'string' && found.end - found.start <= maxShortBytes ? textOf(bytes, found) : undefined;
}
