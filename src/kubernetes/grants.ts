/**
 * Whether an object may reference one in another namespace: only if that namespace grants it (Gateway API v1, ReferenceGrant).
 */
import type { Referrer } from '../config/mcp-route/objects.ts';
import { isRecord, type KubernetesObject, listOf, type ObjectRef } from './objects.ts';

/** `to.group` is empty for the core group. */
export function isGranted(
  grants: Iterable<KubernetesObject>,
  from: Referrer,
  to: ObjectRef & { readonly group: string },
): boolean {
  if (from.namespace === to.namespace) return true;
  for (const grant of grants) {
    if (grant.metadata.namespace !== to.namespace) continue;
    const spec = isRecord(grant['spec']) ? grant['spec'] : {};
    const isFrom = listOf(spec['from']).some(
      (entry) =>
        isRecord(entry) &&
        (entry['group'] ?? '') === from.group &&
        entry['kind'] === from.kind &&
        entry['namespace'] === from.namespace,
    );
    const isTo = listOf(spec['to']).some(
      (entry) =>
        isRecord(entry) &&
        (entry['group'] ?? '') === to.group &&
        entry['kind'] === to.kind &&
        (entry['name'] === undefined || entry['name'] === '' || entry['name'] === to.name),
    );
    if (isFrom && isTo) return true;
  }
  return false;
}
