/**
 * Kubernetes objects as the API server sends them: parsed JSON, not converted to classes, so that the configuration reader gets
 * the same input as from a YAML file.
 */

interface ObjectMeta {
  readonly name: string;
  /** Empty for an object without a namespace. */
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
}

/** A reference to one object. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export function refText({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace}/${name}`;
}

export function refOf({ kind, metadata: { namespace, name } }: KubernetesObject): ObjectRef {
  return { kind, namespace, name };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The object; undefined if it has no name. Items of a list have no `apiVersion` and `kind`, so the caller passes them. */
export function readObject(value: unknown, apiVersion: string, kind: string): KubernetesObject | undefined {
  if (!isRecord(value) || !isRecord(value['metadata'])) return undefined;
  const meta = value['metadata'];
  const name = textOf(meta['name']);
  if (name === undefined) return undefined;
  return {
    ...value,
    apiVersion,
    kind,
    metadata: {
      ...meta,
      name,
      namespace: textOf(meta['namespace']) ?? '',
      uid: textOf(meta['uid']) ?? '',
      resourceVersion: textOf(meta['resourceVersion']) ?? '',
    },
  };
}

/** A copy of the whole object that kubectl keeps. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object without the parts that do not affect its meaning: status, versions and bookkeeping. Two objects with the same result
 * mean the same configuration.
 */
export function meaningOf(object: KubernetesObject): KubernetesObject {
  const { status: _status, metadata, ...rest } = object;
  const { name, namespace, uid, generation, labels, annotations, creationTimestamp } = metadata;
  const kept = Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => key !== lastApplied));
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: '',
      ...(generation === undefined ? {} : { generation }),
      ...(labels === undefined ? {} : { labels }),
      ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
  };
}
