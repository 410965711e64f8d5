/**
 * One session at one upstream: its identity, the headers of its requests, and how such an upstream behaves. Decisions by era are
 * properties of the session, so that no other file asks for the era. A session is never copied; `Outbound` holds what belongs to
 * one request.
 */
import type { Part } from '../../aggregate/hints.ts';
import type { Message } from '../../protocol/envelope.ts';
import { hasRevisionHeader, isLegacyRevision, type Revision } from '../../protocol/revisions.ts';
import { rawOf, type Found } from '../../protocol/scan.ts';
import { smallJson } from '../../protocol/small-json.ts';
import type { Caller } from '../http/caller.ts';
import type { Said } from '../../protocol/said.ts';
import type { Unread } from '../../protocol/unread.ts';
import type { StreamKind, Upstream } from './upstream.ts';

/** Every answer to a client of 2026-07-28 repeats it. */
const maxServerInfoBytes = 4 * 1024;

/** What a handshake, or the client's token, tells of a session. */
export interface SessionFacts extends Unread {
  /** The upstream's own session id; undefined for an upstream that keeps no sessions. */
  readonly sessionId: string | undefined;
  readonly revision: Revision;
  /** The upstream's server capabilities as bits (protocol/capabilities.ts). */
  readonly capabilities: number;
  /** The upstream's instructions. */
  readonly instructions?: string | undefined;
  /** Its `Implementation` as JSON text. */
  readonly serverInfo?: string | undefined;
}

/** A call in progress on a session that several clients share: some messages of a server do not say which call they belong to. */
export interface CallUnderWay {
  /** False for a question that cannot belong to this call. */
  takeQuestion(question: Message): boolean;
}

/** The differences between upstreams with sessions (up to 2025-11-25) and without (2026-07-28). */
interface Behaviour {
  /** It accepts notifications and answers of clients; otherwise a request is cancelled by closing it. */
  readonly takesNotifications: boolean;
  /** Method, name and some arguments of a request are repeated in headers (2026-07-28 basic/transports/streamable-http). */
  readonly repeatsInHeaders: boolean;
  /** It asks its client by the result of a call; otherwise by requests of its own. */
  readonly asksByRounds: boolean;
  /** Each request describes its client, the client's capabilities and its log level; the upstream remembers nothing. */
  readonly isToldOfClient: boolean;
  /** Its results contain cache hints. */
  readonly givesHints: boolean;
  readonly streamKind: StreamKind;
}

const withSessions: Behaviour = {
  takesNotifications: true,
  repeatsInHeaders: false,
  asksByRounds: false,
  isToldOfClient: false,
  givesHints: false,
  streamKind: 'get',
};
const withoutSessions: Behaviour = {
  takesNotifications: false,
  repeatsInHeaders: true,
  asksByRounds: true,
  isToldOfClient: true,
  givesHints: true,
  streamKind: 'subscription',
};

export class UpstreamSession implements Behaviour, SessionFacts {
  readonly upstream: Upstream;
  readonly sessionId: string | undefined;
  readonly revision: Revision;
  readonly capabilities: number;
  readonly instructions: string | undefined;
  readonly serverInfo: string | undefined;
  readonly experimental: string | undefined;
  readonly extensions: Unread['extensions'];
  /** How long what the upstream said of itself is valid, and for whom; undefined for an upstream that does not say. */
  readonly stated: Part | undefined;
  /** Several clients use it, so ids and progress tokens must be made unique on it. */
  readonly isShared: boolean;
  readonly takesNotifications: boolean;
  readonly repeatsInHeaders: boolean;
  readonly asksByRounds: boolean;
  readonly isToldOfClient: boolean;
  readonly givesHints: boolean;
  readonly streamKind: StreamKind;
  /** Headers of each POST, as a raw list: built for this hop alone. */
  readonly headers: readonly string[];
  /** Calls in progress on this replica, if the session is shared. */
  readonly underWay: Set<CallUnderWay> | undefined;

  constructor(upstream: Upstream, facts: SessionFacts, isShared: boolean, stated?: Part) {
    const { sessionId, revision, capabilities, instructions, serverInfo, experimental, extensions } = facts;
    const behaviour = isLegacyRevision(revision) ? withSessions : withoutSessions;
    this.upstream = upstream;
    this.sessionId = sessionId;
    this.revision = revision;
    this.capabilities = capabilities;
    this.instructions = instructions;
    this.serverInfo = serverInfo;
    this.experimental = experimental;
    this.extensions = extensions;
    this.stated = stated;
    this.isShared = isShared;
    this.takesNotifications = behaviour.takesNotifications;
    this.repeatsInHeaders = behaviour.repeatsInHeaders;
    this.asksByRounds = behaviour.asksByRounds;
    this.isToldOfClient = behaviour.isToldOfClient;
    this.givesHints = behaviour.givesHints;
    this.streamKind = behaviour.streamKind;
    this.headers = [
      ...this.headersWithoutBody('application/json, text/event-stream'),
      'content-type',
      'application/json',
    ];
    this.underWay = isShared && sessionId !== undefined ? new Set<CallUnderWay>() : undefined;
  }

  /** The upstream remembers this session by an id. */
  get keepsSession(): boolean {
    return this.sessionId !== undefined;
  }

  /** Whether it has one of these capabilities (bits). */
  has(capabilities: number): boolean {
    return (this.capabilities & capabilities) !== 0;
  }

  /** Headers of a GET or DELETE, as a raw list that the caller may extend. */
  headersWithoutBody(accept: string): string[] {
    const headers = [...this.upstream.headers, 'accept', accept];
    if (hasRevisionHeader(this.revision)) headers.push('mcp-protocol-version', this.revision);
    if (this.sessionId !== undefined) headers.push('mcp-session-id', this.sessionId);
    return headers;
  }
}

/** One request to an upstream: its session, its caller, and a description of the client if requests contain one. */
export interface Outbound {
  readonly session: UpstreamSession;
  readonly caller: Caller;
  readonly said?: Said | undefined;
  /** Headers of the trace context (W3C Trace Context). */
  readonly trace?: readonly string[] | undefined;
}

/** What a server calls itself: an `Implementation` as JSON text. Undefined for one that clients would refuse, or far too long. */
export function serverInfoIn({ bytes }: Message, found: Found | undefined): string | undefined {
  if (found === undefined || found.end - found.start > maxServerInfoBytes) return undefined;
  const { name, version } = Object(smallJson(bytes, found)) as { name?: unknown; version?: unknown };
  return typeof name === 'string' && typeof version === 'string' ? rawOf(bytes, found) : undefined;
}
