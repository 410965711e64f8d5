/** The objects that the routes reference, directly or through Backends and TLS policies. Only these are watched and passed on. */
import { parse } from 'yaml';
import type { Referrer } from '../config/mcp-route/objects.ts';
import { settingsAnnotation } from '../config/mcp-route/settings-shape.ts';
import { isGranted } from './grants.ts';
import { isRecord, type KubernetesObject, listOf, type ObjectRef, refText, textOf } from './objects.ts';

export interface References {
  /** Secrets and ConfigMaps to watch by name. */
  readonly named: readonly ObjectRef[];
  /** Services and Backends that the routes lead to, in the form of `refText`. */
  readonly targets: ReadonlySet<string>;
  /** References to other namespaces that no ReferenceGrant allows. */
  readonly refused: readonly ObjectRef[];
}

/** Maximum number of Secrets and ConfigMaps of all routes together; further ones are not watched. */
export const maxNamedObjects = 512;

const followed: ReadonlySet<string> = new Set(['Secret', 'ConfigMap', 'Service', 'Backend']);
const isNamed = (kind: string): boolean => kind === 'Secret' || kind === 'ConfigMap';

/** The order of `routes` decides which references are used if there are too many. */
export function referencesOf(
  routes: readonly KubernetesObject[],
  backends: readonly KubernetesObject[],
  policies: readonly KubernetesObject[],
  grants: readonly KubernetesObject[],
): References {
  const named = new Map<string, ObjectRef>();
  const targets = new Set<string>();
  const refused = new Map<string, ObjectRef>();

  const follow = (object: KubernetesObject): void => {
    const from: Referrer = {
      group: groupOf(object.apiVersion),
      kind: object.kind,
      namespace: object.metadata.namespace,
    };
    for (const to of referred([object['spec'], settingsOf(object)], object.metadata.namespace)) {
      const text = refText(to);
      if (!isGranted(grants, from, to)) refused.set(text, refOnly(to));
      else if (!isNamed(to.kind)) targets.add(text);
      else if (named.size < maxNamedObjects) named.set(text, refOnly(to));
    }
  };

  for (const route of routes) follow(route);
  for (const backend of backends) {
    if (targets.has(refText({ kind: 'Backend', ...placeOf(backend) }))) follow(backend);
  }
  for (const policy of policies) {
    if (targetRefs(policy).some((target) => targets.has(refText(target)))) follow(policy);
  }
  return { named: [...named.values()], targets, refused: [...refused.values()] };
}

/** The Service that a slice belongs to. */
export function serviceOf(slice: KubernetesObject): ObjectRef | undefined {
  const name = slice.metadata.labels?.['kubernetes.io/service-name'];
  return name === undefined ? undefined : { kind: 'Service', namespace: slice.metadata.namespace, name };
}

/** A policy targets objects in its own namespace. */
export function targetRefs(policy: KubernetesObject): ObjectRef[] {
  const spec = isRecord(policy['spec']) ? policy['spec'] : {};
  return listOf(spec['targetRefs']).flatMap((target) => {
    if (!isRecord(target)) return [];
    const kind = textOf(target['kind']);
    const name = textOf(target['name']);
    return kind === undefined || name === undefined ? [] : [{ kind, name, namespace: policy.metadata.namespace }];
  });
}

interface Referred extends ObjectRef {
  readonly group: string;
}

/**
 * Every reference in `value`: an object with `kind` and `name`. The resource definitions set a default `kind`; where they do not
 * (`secretRef`, …), the member name gives the kind.
 */
function referred(value: unknown, namespace: string, member = ''): Referred[] {
  if (Array.isArray(value)) return value.flatMap((entry) => referred(entry, namespace, member));
  if (!isRecord(value)) return [];
  const kind = textOf(value['kind']) ?? impliedKind(member);
  const name = textOf(value['name']);
  const here =
    kind === undefined || name === undefined || !followed.has(kind)
      ? []
      : [{ kind, name, group: textOf(value['group']) ?? '', namespace: textOf(value['namespace']) ?? namespace }];
  return [...here, ...Object.entries(value).flatMap(([key, inner]) => referred(inner, namespace, key))];
}

/** Settings of ours, which name Secrets too; whoever reads them tells what is wrong with them. */
function settingsOf({ metadata }: KubernetesObject): unknown {
  try {
    return parse(metadata.annotations?.[settingsAnnotation] ?? '', { merge: true });
  } catch {
    return undefined;
  }
}

function impliedKind(member: string): string | undefined {
  if (/^(?:secretRef|credentialRefs|clientCertificateRef|clientSecretRef|privateKeyRef)$/.test(member)) return 'Secret';
  return member === 'backendRefs' ? 'Service' : undefined;
}

function placeOf({ metadata: { namespace, name } }: KubernetesObject): { namespace: string; name: string } {
  return { namespace, name };
}

function refOnly({ kind, namespace, name }: Referred): ObjectRef {
  return { kind, namespace, name };
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
