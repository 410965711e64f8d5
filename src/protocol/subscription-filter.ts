/**
 * The filter of `subscriptions/listen` (2026-07-28 basic/patterns/subscriptions). Read from the scan, never parsed as a whole.
 */
import { GatewayError } from '../errors.ts';
import { maxWatchedBytes } from './limits.ts';
import type { Message } from './message.ts';
import { textOf } from './scan.ts';
import type { Found } from './scan.ts';

export interface SubscriptionFilter {
  readonly toolsListChanged: boolean;
  readonly promptsListChanged: boolean;
  readonly resourcesListChanged: boolean;
  /** Without duplicates, in the client's order. Values that are not strings, or longer than `maxWatchedBytes`, are left out. */
  readonly resourceSubscriptions: readonly string[];
  /** The same; undefined if the client requests no tasks. */
  readonly taskIds: readonly string[] | undefined;
}

/** `most`: maximum number of each. Throws `params_invalid` for an invalid filter, or for too many. */
export function readFilter(
  { bytes, params }: Message,
  most: { readonly uris: number; readonly tasks: number },
): SubscriptionFilter {
  const filter = params?.member('notifications');
  if (filter?.kind !== 'object') throw new GatewayError('params_invalid', 'notifications is no object');
  const wants = (name: string): boolean => filter.member(name)?.kind === 'true';
  return {
    toolsListChanged: wants('toolsListChanged'),
    promptsListChanged: wants('promptsListChanged'),
    resourcesListChanged: wants('resourcesListChanged'),
    resourceSubscriptions: textsIn(bytes, filter, 'resourceSubscriptions', most.uris) ?? [],
    taskIds: textsIn(bytes, filter, 'taskIds', most.tasks),
  };
}

function textsIn(bytes: Buffer, filter: Found, name: string, most: number): readonly string[] | undefined {
  const list = filter.member(name);
  if (list === undefined || list.kind === 'null') return undefined;
  if (list.kind !== 'array') throw new GatewayError('params_invalid', name);
  const texts = new Set<string>();
  let count = 0;
  for (let each = list.first; each !== undefined; each = each.next) {
    if (++count > most) throw new GatewayError('params_invalid', `${name} has more than ${most}`);
    if (each.kind === 'string' && each.end - each.start <= maxWatchedBytes) texts.add(textOf(bytes, each));
  }
  return [...texts];
}
