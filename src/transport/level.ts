/** `logging/setLevel` goes to every upstream of the session that logs (2025-11-25 server/utilities/logging; protocol.md D4). */
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import { askHealing } from './ask.ts';
import type { Client } from './client.ts';
import type { RawHeaders } from './forward.ts';
import type { UpstreamAdapter } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';

const levels = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);
/** Longest wait for one upstream, in ms; one that does not answer in time keeps its level. */
const levelDeadlineMs = 5_000;

/** Throws `params_invalid` for a level that the specification does not name. */
export function levelOf(message: Message): string {
  const found = message.params?.member('level');
  const level = found?.kind === 'string' ? textOf(message.bytes, found) : '';
  if (!levels.has(level)) throw new GatewayError('params_invalid', 'no such log level');
  return level;
}

/** The result as JSON text. What one upstream makes of it is its own affair. */
export async function setLevel(
  parts: { readonly upstreams: readonly Upstream[]; readonly adapter: UpstreamAdapter },
  client: Client,
  level: string,
  rawHeaders: RawHeaders,
): Promise<string> {
  // The level of a link that several clients share is nobody's to set.
  const links = client.links
    .all(parts.upstreams)
    .filter((link) => !link.shared && (link.capabilities & serverCapability.logging) !== 0);
  const request = { method: 'logging/setLevel', params: JSON.stringify({ level }), deadlineMs: levelDeadlineMs };
  await Promise.allSettled(links.map((link) => askHealing(parts.adapter, client, link, request, rawHeaders)));
  return '{}';
}
