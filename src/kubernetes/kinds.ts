/** The kinds that are watched: their API groups and versions, and whether a cluster may lack them. */
import type { Query } from './api.ts';

export interface Kind {
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Tried in this order; the first one that the server supports is used. */
  readonly versions: readonly string[];
  readonly plural: string;
  /** The cluster may lack this kind; all other kinds are required. */
  readonly isOptional: boolean;
}

export const mcpRoute: Kind = {
  kind: 'MCPRoute',
  group: 'aigateway.envoyproxy.io',
  versions: ['v1beta1', 'v1alpha1'],
  plural: 'mcproutes',
  isOptional: false,
};

/** Kinds of which all objects are watched, in every namespace. */
export const wholeKinds: readonly Kind[] = [
  mcpRoute,
  {
    kind: 'Backend',
    group: 'gateway.envoyproxy.io',
    versions: ['v1alpha1'],
    plural: 'backends',
    isOptional: true,
  },
  {
    kind: 'BackendTLSPolicy',
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1alpha3'],
    plural: 'backendtlspolicies',
    isOptional: true,
  },
  {
    kind: 'ReferenceGrant',
    group: 'gateway.networking.k8s.io',
    versions: ['v1beta1', 'v1'],
    plural: 'referencegrants',
    isOptional: true,
  },
  {
    kind: 'Gateway',
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1'],
    plural: 'gateways',
    isOptional: true,
  },
  { kind: 'Service', group: '', versions: ['v1'], plural: 'services', isOptional: false },
  {
    kind: 'EndpointSlice',
    group: 'discovery.k8s.io',
    versions: ['v1'],
    plural: 'endpointslices',
    isOptional: false,
  },
];

/** Kinds whose objects are watched one by one, by name, so that a Role can list what the gateway may read. */
export const namedKinds: readonly Kind[] = [
  { kind: 'Secret', group: '', versions: ['v1'], plural: 'secrets', isOptional: false },
  { kind: 'ConfigMap', group: '', versions: ['v1'], plural: 'configmaps', isOptional: false },
];

/** The objects of one list and watch. */
export interface Source {
  readonly kind: Kind;
  /** Undefined for all namespaces. */
  readonly namespace?: string;
  /** The name of a single watched object; needs a namespace. */
  readonly name?: string;
  readonly labelSelector?: string;
}

export function apiVersionOf({ group }: Kind, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

export function pathOf({ kind, namespace }: Source, version: string): string {
  const base = kind.group === '' ? `/api/${version}` : `/apis/${kind.group}/${version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${base}${scope}/${kind.plural}`;
}

/** RBAC compares a field selector by name with `resourceNames`, for list and watch. */
export function selectionOf({ name, labelSelector }: Source): Query {
  return {
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

export function sourceText({ kind, namespace, name }: Source): string {
  const place = namespace ?? 'all namespaces';
  return name === undefined ? `${kind.kind} in ${place}` : `${kind.kind} ${place}/${name}`;
}
