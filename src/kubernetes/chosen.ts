/** Selects the routes of this gateway, and orders all documents. */
import { isRecord, type KubernetesObject, listOf, textOf } from './objects.ts';

/** Routes with a parent Gateway of that class; all of them if no class is given. */
export function chosenRoutes(
  routes: readonly KubernetesObject[],
  gateways: readonly KubernetesObject[],
  gatewayClass: string | undefined,
): readonly KubernetesObject[] {
  if (gatewayClass === undefined) return routes;
  const own = new Set(
    gateways
      .filter(({ spec }) => isRecord(spec) && spec['gatewayClassName'] === gatewayClass)
      .map(({ metadata: { namespace, name } }) => `${namespace}/${name}`),
  );
  return routes.filter((route) => parentGateways(route).some((gateway) => own.has(gateway)));
}

export function parentGateways(route: KubernetesObject): string[] {
  const spec = isRecord(route['spec']) ? route['spec'] : {};
  return listOf(spec['parentRefs']).flatMap((parent) => {
    if (!isRecord(parent)) return [];
    const name = textOf(parent['name']);
    const namespace = textOf(parent['namespace']) ?? route.metadata.namespace;
    return name === undefined || (parent['kind'] ?? 'Gateway') !== 'Gateway' ? [] : [`${namespace}/${name}`];
  });
}

/**
 * The order is identical on every replica: by kind, then by age (oldest first), then by name. If two routes conflict, the older
 * one wins (Gateway API, "Conflict resolution").
 */
export function inOrder(objects: readonly KubernetesObject[]): KubernetesObject[] {
  return [...objects].sort(
    (a, b) =>
      compare(a.kind, b.kind) ||
      compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
      compare(a.metadata.namespace, b.metadata.namespace) ||
      compare(a.metadata.name, b.metadata.name),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
