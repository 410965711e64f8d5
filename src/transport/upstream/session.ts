/** A link, and the headers of its requests: built for this hop alone (protocol.md D3). */
import { hasRevisionHeader, isLegacyRevision } from '../../protocol/revisions.ts';
import type { CallUnderWay, Link, Opened } from './adapter.ts';
import type { Upstream } from './upstream.ts';

export function linkOf(upstream: Upstream, opened: Omit<Opened, 'instructions'>, shared: boolean): Link {
  const headers = [
    ...upstream.headers,
    'accept',
    'application/json, text/event-stream',
    'content-type',
    'application/json',
  ];
  if (hasRevisionHeader(opened.revision)) headers.push('mcp-protocol-version', opened.revision);
  if (opened.sessionId !== undefined) headers.push('mcp-session-id', opened.sessionId);
  return {
    upstream,
    sessionId: opened.sessionId,
    revision: opened.revision,
    capabilities: opened.capabilities,
    shared,
    mirrors: !isLegacyRevision(opened.revision),
    headers,
    ...(shared && opened.sessionId !== undefined && { underWay: new Set<CallUnderWay>() }),
  };
}
