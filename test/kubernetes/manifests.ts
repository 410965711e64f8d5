/** Manifests as objects, and what has to be in a cluster before they can be checked by it. */
import { isRecord, listOf, textOf } from '../../src/kubernetes/objects.ts';

/** As `kubectl kustomize` does it: the object itself, and a ServiceAccount that a binding names. */
export function setNamespace(object: unknown, namespace: string): void {
  if (!isRecord(object) || !isRecord(object['metadata'])) return;
  Object.assign(object['metadata'], { namespace });
  for (const subject of listOf(object['subjects'])) Object.assign(isRecord(subject) ? subject : {}, { namespace });
}

export function kindOf(object: unknown): string {
  return (isRecord(object) ? textOf(object['kind']) : undefined) ?? '';
}

/**
 * Stands for the definitions of the Prometheus operator, which the shared folder lacks: any content is valid, so these kinds are checked
 * by name and place alone.
 */
export const operatorDefinitions = [
  { plural: 'servicemonitors', kind: 'ServiceMonitor' },
  { plural: 'prometheusrules', kind: 'PrometheusRule' },
].map(({ plural, kind }) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.monitoring.coreos.com` },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}));
