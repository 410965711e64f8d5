/**
 * Revision 2026-07-28, which has no sessions: each request says in `params._meta` which revision it speaks and what its client
 * can do (2026-07-28 basic/index §_meta; protocol.md B2).
 */
import { clientCapability, tasksExtension, uiExtension } from './capabilities.ts';
import { isLogLevel } from './log-levels.ts';
import type { LogLevel } from './log-levels.ts';
import type { Message } from './message.ts';
import { rawOf, textOf } from './scan.ts';
import type { Found } from './scan.ts';

/** The keys of `_meta` that the revision reserves. They hold for one hop (protocol.md D3). */
export const metaKey = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The member of the params that `Mcp-Name` repeats, by method (protocol.md B3). Other methods have nothing that it could. */
const nameMembers: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What `Mcp-Name` repeats of a request; undefined for one that has nothing of the kind. */
export function namedIn({ method, params }: Message): Found | undefined {
  return params?.member(nameMembers.get(method) ?? '');
}

/** What the specification wants in every request. `clientInfo` must not be required of a client. */
const requiredMetaKeys: readonly string[] = [metaKey.protocolVersion, metaKey.clientCapabilities];

/** What a request says of its client. It tells what to answer and how, and proves nothing. */
export interface Envelope {
  /** As the client wrote it, whether known here or not; undefined where it is no string. */
  readonly protocolVersion: string | undefined;
  /** Raw JSON text of an object; undefined where it is none. */
  readonly clientCapabilities: string | undefined;
  /** Bits of `clientCapability` that this revision has: none of `tasks` but the extension, and no `roots.listChanged`. */
  readonly capabilityBits: number;
  /** Raw JSON text of an object. */
  readonly clientInfo: string | undefined;
  /** Without it the client wants no `notifications/message`. */
  readonly logLevel: LogLevel | undefined;
  /** Required keys that are absent or of a wrong type, in the order of `requiredMetaKeys`: −32602 and HTTP 400. */
  readonly missing: readonly string[];
  /** Optional keys with a value that this revision does not allow: −32602. */
  readonly invalid: readonly string[];
}

/**
 * Undefined for a message that makes no claim to this revision: one without the key of the protocol version, whatever its
 * value. A request that claims and is malformed is never taken for one of an older revision.
 */
export function readEnvelope({ bytes, params }: Message): Envelope | undefined {
  const meta = params?.member('_meta');
  const version = meta?.member(metaKey.protocolVersion);
  if (meta === undefined || version === undefined) return undefined;
  const declared = meta.member(metaKey.clientCapabilities);
  const capabilities = objectText(bytes, declared);
  const level = meta.member(metaKey.logLevel);
  const levelText = level?.kind === 'string' ? textOf(bytes, level) : '';
  const logLevel = isLogLevel(levelText) ? levelText : undefined;
  const protocolVersion = version.kind === 'string' ? textOf(bytes, version) : undefined;
  return {
    protocolVersion,
    clientCapabilities: capabilities,
    capabilityBits: bitsOf(declared),
    clientInfo: objectText(bytes, meta.member(metaKey.clientInfo)),
    logLevel,
    missing:
      protocolVersion !== undefined && capabilities !== undefined
        ? none
        : requiredMetaKeys.filter(
            (key) => (key === metaKey.protocolVersion ? protocolVersion : capabilities) === undefined,
          ),
    invalid: level === undefined || logLevel !== undefined ? none : [metaKey.logLevel],
  };
}

const none: readonly string[] = [];

/** As `clientCapabilityBits`, from what the scan has found: a request is not parsed for what it says of its client. */
function bitsOf(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const c = clientCapability;
  const sampling = objectIn(declared, 'sampling');
  const elicitation = objectIn(declared, 'elicitation');
  const extensions = objectIn(declared, 'extensions');
  const hasUrl = objectIn(elicitation, 'url') !== undefined;
  const hasForm = elicitation !== undefined && (!hasUrl || objectIn(elicitation, 'form') !== undefined);
  return (
    (objectIn(declared, 'roots') === undefined ? 0 : c.roots) |
    (sampling === undefined ? 0 : c.sampling) |
    (objectIn(sampling, 'context') === undefined ? 0 : c.samplingContext) |
    (objectIn(sampling, 'tools') === undefined ? 0 : c.samplingTools) |
    (hasForm ? c.elicitationForm : 0) |
    (hasUrl ? c.elicitationUrl : 0) |
    (objectIn(extensions, uiExtension) === undefined ? 0 : c.ui) |
    (objectIn(extensions, tasksExtension) === undefined ? 0 : c.tasksExtension)
  );
}

function objectIn(parent: Found | undefined, name: string): Found | undefined {
  const found = parent?.member(name);
  return found?.kind === 'object' ? found : undefined;
}

function objectText(bytes: Buffer, found: Found | undefined): string | undefined {
  return found?.kind === 'object' ? rawOf(bytes, found) : undefined;
}
