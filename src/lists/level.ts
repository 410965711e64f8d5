/**
 * `logging/setLevel` goes to every upstream of the session that has logging (2025-11-25 server/utilities/logging). Upstreams
 * without sessions get the level with each call, so it is remembered here and at the other replicas.
 */
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { isLogLevel, type LogLevel } from '../protocol/log-levels.ts';
import { textOf } from '../protocol/scan.ts';
import { askHealing } from '../clients/ask.ts';
import type { Client } from '../clients/client.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { Keeper } from '../streams/keeper.ts';
import { levelDeadlineMs } from '../transport/http/limits.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';

/** Throws `params_invalid` for a level that is not in the specification. */
export function levelOf(message: Message): LogLevel {
  const found = message.params?.member('level');
  const level = found?.kind === 'string' ? textOf(message.bytes, found) : '';
  if (!isLogLevel(level)) throw new GatewayError('params_invalid', 'no such log level');
  return level;
}

/** The result as JSON text. An upstream that fails to set the level does not fail the request. */
export async function setLevel(
  parts: {
    readonly upstreams: Upstreams;
    readonly adapter: UpstreamAdapter;
    readonly keeper: Keeper;
  },
  client: Client,
  level: LogLevel,
  caller: Caller,
): Promise<string> {
  // No client may set the level of a session that is shared by several clients.
  const sessions = client.sessions
    .all(parts.upstreams)
    .filter((session) => !session.isShared && session.has(serverCapability.logging));
  const request = { method: 'logging/setLevel', params: JSON.stringify({ level }), deadlineMs: levelDeadlineMs };
  const asked = sessions.map((session) => askHealing(parts.adapter, client, session, request, caller));
  await Promise.allSettled([...asked, parts.keeper.setLevel(client, level)]);
  return '{}';
}
