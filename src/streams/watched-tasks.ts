/**
 * The extension io.modelcontextprotocol/tasks (SEP-2663): a client of 2026-07-28 must declare it, and may subscribe only to its
 * own tasks.
 */
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { requireTasks } from '../transport/downstream/declared.ts';
import { openTaskId } from '../session/request-id.ts';
import type { Client } from '../clients/client.ts';
import { maxSubscribedTasks } from '../transport/http/limits.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import { unixSeconds } from '../transport/http/clock.ts';

export interface WatchedTasks {
  /** Ids as the client wrote them. */
  readonly ids: ReadonlySet<string>;
  /** Ids as the upstreams know them. */
  readonly byUpstream: ReadonlyMap<Upstream, readonly string[]>;
}

const none: WatchedTasks = { ids: new Set(), byUpstream: new Map() };

/**
 * `wanted` is `taskIds` of the filter. Ids of other clients' tasks, and of upstreams that send no updates, are left out. Throws
 * `params_invalid` and what `requireTasks` throws.
 */
export function watchedTasks(client: Client, declared: number, wanted: unknown, upstreams: Upstreams): WatchedTasks {
  if (wanted === undefined) return none;
  requireTasks(declared);
  if (!Array.isArray(wanted) || wanted.length > maxSubscribedTasks) throw new GatewayError('params_invalid', 'taskIds');
  const ids = new Set<string>();
  const byUpstream = new Map<Upstream, string[]>();
  for (const id of wanted) {
    const task = typeof id === 'string' && !ids.has(id) ? openTaskId(client.session, id, unixSeconds()) : undefined;
    const upstream = upstreams.byHash(task?.upstream);
    const session = upstream === undefined ? undefined : client.sessions.peek(upstream);
    if (task === undefined || upstream === undefined) continue;
    // Tasks of 2025-11-25 are a different protocol.
    if (session?.isToldOfClient !== true || !session.has(serverCapability.tasksExtension)) continue;
    ids.add(String(id));
    byUpstream.set(upstream, [...(byUpstream.get(upstream) ?? []), task.raw]);
  }
  return { ids, byUpstream };
}
