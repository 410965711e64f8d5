/** The objects of the documents, by kind, namespace and name, and the rules for references across namespaces. */
import type { Findings } from '../findings.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { nearest } from '../nearest.ts';
import type { SourceDocument } from './documents.ts';
import { shaped } from './faults.ts';
import type { KindName, ObjectOf } from './object-shapes.ts';
import { kinds } from './object-shapes.ts';
import { fieldOf } from './shape.ts';

export interface Located<K extends KindName> {
  readonly object: ObjectOf<K>;
  readonly document: SourceDocument;
}

/** The object that contains a reference. */
export interface Referrer {
  readonly kind: string;
  readonly group: string;
  readonly namespace: string;
}

/** Undefined: it does not exist. `broken`: it exists, and its faults have been reported. */
type Found<K extends KindName> = Located<K> | 'broken' | undefined;

export class Objects {
  readonly #byKey = new Map<string, Located<KindName>>();
  readonly #broken = new Set<string>();

  /** Adds a document of a known kind; faults go to `findings`. */
  take(kind: KindName, document: SourceDocument, findings: Findings): void {
    const object = shaped(kinds[kind].shape, document.value, [], document, findings);
    const written = fieldOf(document.value, 'metadata');
    const key = keyOf(kind, textOf(fieldOf(written, 'namespace')) ?? 'default', textOf(fieldOf(written, 'name')) ?? '');
    if (object === undefined) {
      this.#broken.add(key);
    } else if (this.#byKey.has(key)) {
      const other = this.#byKey.get(key)!.document;
      const where = other.place(['metadata', 'name']) ?? other.source;
      findings.fault(
        ['metadata', 'name'],
        `there is another ${kind} of this name in the namespace, at ${where}`,
        'Rename one or take it out',
        document.place(['metadata', 'name']),
      );
    } else {
      this.#byKey.set(key, { object, document });
    }
  }

  /** In the order in which they were added. */
  all<K extends KindName>(kind: K): readonly Located<K>[] {
    return [...this.#byKey].flatMap(([key, located]) => (key.startsWith(`${kind}/`) ? [located as Located<K>] : []));
  }

  find<K extends KindName>(kind: K, namespace: string, name: string): Found<K> {
    const key = keyOf(kind, namespace, name);
    if (this.#broken.has(key)) return 'broken';
    return this.#byKey.get(key);
  }

  /** The name that was probably meant. */
  near(kind: KindName, namespace: string, name: string): string | undefined {
    const names = this.all(kind).flatMap(({ object }) =>
      object.metadata.namespace === namespace ? [object.metadata.name] : [],
    );
    return nearest(name, names);
  }

  /** Whether a reference into `namespace` is allowed: within one namespace, or by a ReferenceGrant there (Gateway API §ReferenceGrant). */
  mayRefer(
    from: Referrer,
    to: { readonly group: string; readonly kind: string; readonly name: string },
    namespace: string,
  ): boolean {
    if (from.namespace === namespace) return true;
    return this.all('ReferenceGrant').some(
      ({ object }) =>
        object.metadata.namespace === namespace &&
        object.spec.from.some(
          (one) => one.group === from.group && one.kind === from.kind && one.namespace === from.namespace,
        ) &&
        object.spec.to.some(
          (one) => one.group === to.group && one.kind === to.kind && (one.name === undefined || one.name === to.name),
        ),
    );
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function keyOf(kind: KindName, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** Sorts the documents by kind. Unsupported kinds are named in a warning. */
export function objectsOf(documents: readonly SourceDocument[], findings: Findings): Objects {
  const objects = new Objects();
  const skipped = new Map<string, string[]>();
  for (const document of documents) {
    const kind = kindOfDocument(document, findings);
    if (kind === undefined) continue;
    if (kind.known) objects.take(kind.name, document, findings);
    else skipped.set(document.source, [...(skipped.get(document.source) ?? []), kind.name]);
  }
  for (const [source, names] of skipped) {
    const unique = [...new Set(names)].sort();
    findings.warn(
      [],
      `passed over: ${unique.join(', ')}; ${unique.length === 1 ? 'the kind is' : 'these kinds are'} not read`,
      source,
    );
  }
  return objects;
}

type DocumentKind =
  | { readonly known: true; readonly name: KindName }
  | { readonly known: false; readonly name: string };

function kindOfDocument(document: SourceDocument, findings: Findings): DocumentKind | undefined {
  const tell = (path: JsonPath, problem: string, remedy: string): undefined => {
    findings.fault(path, problem, remedy, document.place(path));
    return undefined;
  };
  const apiVersion = fieldOf(document.value, 'apiVersion');
  const kind = fieldOf(document.value, 'kind');
  if (typeof kind !== 'string' || typeof apiVersion !== 'string')
    return tell(
      typeof kind === 'string' ? ['apiVersion'] : ['kind'],
      'not an object of Kubernetes: "apiVersion" or "kind" is missing',
      'Give both, such as apiVersion: aigateway.envoyproxy.io/v1beta1 and kind: MCPRoute',
    );
  const slash = apiVersion.indexOf('/');
  const group = slash === -1 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const name = Object.hasOwn(kinds, kind) ? (kind as KindName) : undefined;
  if (name !== undefined && kinds[name].group === group) {
    const versions: readonly string[] = kinds[name].versions;
    if (!versions.includes(version))
      return tell(['apiVersion'], `a version of ${kind} that is not read`, `Write it as ${versions.join(' or ')}`);
    return { known: true, name };
  }
  const near = name === undefined && kind.length <= 64 ? nearest(kind, Object.keys(kinds)) : undefined;
  const known = near === undefined ? undefined : kinds[near as KindName];
  if (known !== undefined && known.group === group)
    return tell(['kind'], 'a kind that its group does not have', `Did you mean "${near}"?`);
  return { known: false, name: plainName(kind) };
}

/* For a message: the text comes from the file and may be anything. */
function plainName(kind: string): string {
  return /^[A-Za-z][A-Za-z0-9]{0,62}$/.test(kind) ? kind : 'a kind without a proper name';
}
