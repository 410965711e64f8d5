/** Reads values of Secrets and ConfigMaps. No value is ever quoted in a message. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { nearest } from '../nearest.ts';
import type { RouteContext } from './context.ts';
import { fault, grantedNamespace } from './context.ts';
import type { Located } from './objects.ts';

/**
 * As in the standalone command of Envoy AI Gateway: the variable of this name provides the value of the key in the annotation.
 */
const substitution = 'substitution.aigw.run/env/';

interface Reference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** The decoded entries of a Secret, and its name. Undefined if it is not available, which is reported as a fault. */
export function secretOf(
  context: RouteContext,
  path: JsonPath,
  ref: Reference,
): { readonly name: string; readonly values: ReadonlyMap<string, string> } | undefined {
  if (ref.kind !== 'Secret' || ref.group !== '') {
    fault(context, path, 'leads to something that is no Secret', 'Name a Secret, with group "" and kind Secret');
    return undefined;
  }
  const namespace = grantedNamespace(context, path, ref);
  if (namespace === undefined) return undefined;
  const found = context.objects.find('Secret', namespace, ref.name);
  if (found === 'broken') return undefined;
  if (found !== undefined) return { name: `${namespace}/${ref.name}`, values: valuesOf(context, found) };
  missing(context, path, 'Secret', namespace, ref.name);
  return undefined;
}

export function missing(
  context: RouteContext,
  path: JsonPath,
  kind: 'Secret' | 'ConfigMap' | 'Backend',
  namespace: string,
  name: string,
): void {
  const near = context.objects.near(kind, namespace, name);
  fault(
    context,
    [...path, 'name'],
    `there is no ${kind} "${name}" in the namespace "${namespace}" among the documents`,
    near === undefined ? `Give the file that holds it as well` : `Did you mean "${near}"?`,
  );
}

function valuesOf(context: RouteContext, { object, document }: Located<'Secret'>): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [key, text] of Object.entries(object.data ?? {})) {
    const decoded = decodedText(text);
    if (decoded === undefined) {
      const path = ['data', key];
      context.findings.fault(path, 'not base64 of a text', 'Encode it, or use "stringData"', document.place(path));
    } else values.set(key, decoded);
  }
  for (const [key, text] of Object.entries(object.stringData ?? {})) values.set(key, text);
  for (const [name, text] of Object.entries(object.metadata.annotations ?? {})) {
    if (!name.startsWith(substitution)) continue;
    const key = name.slice(substitution.length);
    const value = Object.hasOwn(context.env, text) ? context.env[text] : undefined;
    if (value !== undefined && value !== '') values.set(key, value);
    else
      context.findings.warn(
        ['metadata', 'annotations', name],
        `the environment variable it names is not set; what stands in the Secret is used`,
        document.place(['metadata', 'annotations', name]),
      );
  }
  return values;
}

/** Undefined if it is not base64 (RFC 4648 §4) or not UTF-8. */
function decodedText(text: string): string | undefined {
  const plain = text.replaceAll(/\s+/g, '');
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(plain, 'base64'));
  } catch {
    return undefined;
  }
}

/** The value of a key of a Secret. Undefined if there is none, which is reported as a fault. */
export function valueUnder(
  context: RouteContext,
  path: JsonPath,
  values: ReadonlyMap<string, string>,
  key: string,
): string | undefined {
  const value = values.get(key);
  if (value !== undefined && value.trim() !== '') return value;
  const near = value === undefined ? nearest(key, values.keys()) : undefined;
  fault(
    context,
    path,
    value === undefined ? `the object has no key "${key}"` : `its key "${key}" is empty`,
    near === undefined ? `Put the value under "${key}"` : `Rename its key "${near}"`,
  );
  return undefined;
}

/** The entries of a ConfigMap or Secret in the namespace of the route. */
export function localValues(
  context: RouteContext,
  path: JsonPath,
  ref: { readonly group: string; readonly kind: string; readonly name: string },
): ReadonlyMap<string, string> | undefined {
  if (ref.kind === 'Secret')
    return secretOf(context, path, { ...ref, group: ref.group === 'v1' ? '' : ref.group })?.values;
  if (ref.kind !== 'ConfigMap' || (ref.group !== '' && ref.group !== 'v1')) {
    fault(context, path, 'leads to something that is neither ConfigMap nor Secret', 'Name a ConfigMap, with group ""');
    return undefined;
  }
  const { namespace } = context.from;
  const found = context.objects.find('ConfigMap', namespace, ref.name);
  if (found === 'broken') return undefined;
  if (found !== undefined) return new Map(Object.entries(found.object.data ?? {}));
  missing(context, path, 'ConfigMap', namespace, ref.name);
  return undefined;
}
