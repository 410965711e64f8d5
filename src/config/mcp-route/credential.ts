/** Reads `securityPolicy.apiKey` and `forwardHeaders` of a backend: what is sent to it besides the message. */
import { credentialHeaders, isHeaderName, isHeaderValue, isUnforwarded } from '../headers.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { UpstreamConfig, ShownCredential } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import type { BackendRefText } from './route-shape.ts';
import { secretOf, valueUnder } from './secrets.ts';

type ApiKeyText = NonNullable<NonNullable<BackendRefText['securityPolicy']>['apiKey']>;

/** The key of a Secret that contains a credential. */
const secretKey = 'apiKey';

export interface Credential {
  readonly shown: ShownCredential;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The URL, with the credential in its query if it is sent there. */
  readonly url: string;
}

/** Undefined if it is invalid. */
export function credentialOf(
  context: RouteContext,
  path: JsonPath,
  text: ApiKeyText,
  url: string,
): Credential | undefined {
  const written = keyOf(context, path, text);
  if (written === undefined) return undefined;
  const value = written.value.trim();
  if (text.queryParam !== undefined) {
    const target = new URL(url);
    target.searchParams.set(text.queryParam, value);
    return { shown: { in: 'query', name: text.queryParam, from: written.from }, headers: [], url: target.href };
  }
  const name = text.header ?? 'Authorization';
  const at = text.header === undefined ? path : [...path, 'header'];
  if (!isHeaderName(name)) fault(context, at, 'not the name of a header', 'Give a name such as X-Api-Key');
  else if (isUnforwarded(name.toLowerCase()))
    fault(
      context,
      at,
      'a header that the gateway sets itself, or that belongs to one hop',
      'Give a name such as X-Api-Key',
    );
  if (!isHeaderValue(value))
    fault(context, path, 'the key holds a character that HTTP does not allow', 'Take out line breaks and the like');
  const header = name.toLowerCase() === 'authorization' ? `Bearer ${value}` : value;
  return { shown: { in: 'header', name: name.toLowerCase(), from: written.from }, headers: [[name, header]], url };
}

function keyOf(
  context: RouteContext,
  path: JsonPath,
  { inline, secretRef }: ApiKeyText,
): { readonly value: string; readonly from: string } | undefined {
  if (inline !== undefined) {
    if (inline.trim() !== '') return { value: inline, from: 'inline' };
    fault(context, [...path, 'inline'], 'empty', 'Give the key, best as ${VAR}');
    return undefined;
  }
  if (secretRef === undefined) return undefined;
  const at = [...path, 'secretRef'];
  const secret = secretOf(context, at, secretRef);
  const value = secret === undefined ? undefined : valueUnder(context, at, secret.values, secretKey);
  return value === undefined ? undefined : { value, from: secret!.name };
}

/** Headers of the client that a backend gets. `fixed`: names that it gets anyway, in lower case. */
export function forwarded(
  context: RouteContext,
  path: JsonPath,
  written: NonNullable<BackendRefText['forwardHeaders']>,
  fixed: ReadonlySet<string>,
  acknowledged: boolean,
): Pick<UpstreamConfig, 'forwardHeaders' | 'forwardedAs'> {
  const names = new Set<string>();
  const renamed: (readonly [string, string])[] = [];
  const taken = new Set<string>();
  for (const [i, { name, backendHeader }] of written.entries()) {
    const at = [...path, i];
    const from = name.toLowerCase();
    const to = (backendHeader ?? name).toLowerCase();
    const where = backendHeader === undefined ? [...at, 'name'] : [...at, 'backendHeader'];
    if (!isHeaderName(name))
      fault(context, [...at, 'name'], 'not the name of a header', 'Give a name such as X-Tenant');
    else if (isUnforwarded(from))
      fault(context, [...at, 'name'], `${from} belongs to one hop and is never passed on`, 'Take it out');
    else if (!isHeaderName(to)) fault(context, where, 'not the name of a header', 'Give a name such as X-Tenant');
    else if (isUnforwarded(to)) fault(context, where, `${to} is set by the gateway itself`, 'Choose another name');
    else if (fixed.has(to))
      fault(context, where, `the backend gets ${to} with its API key`, 'Keep one of the two, or choose another name');
    else if (taken.has(to)) fault(context, where, `two headers would become ${to}`, 'Choose another name');
    else if (credentialHeaders.has(from) && !acknowledged)
      fault(
        context,
        [...at, 'name'],
        `${from} would hand the client's credential for this gateway to the backend, which MCP forbids`,
        'Give the backend a credential of its own, or, when both are one service, set acknowledgeTokenPassthrough for it in the annotation manifold.dev/settings',
      );
    else {
      if (credentialHeaders.has(from))
        warn(context, at, `${from} of the client is passed through to this backend, as acknowledged`);
      // A header that is forwarded both unchanged and under another name.
      if (from !== to && names.has(from) && !renamed.some(([other]) => other === from)) renamed.push([from, from]);
      names.add(from);
      if (from !== to || renamed.some(([other]) => other === from)) renamed.push([from, to]);
    }
    taken.add(to);
  }
  return { forwardHeaders: [...names], ...(renamed.length > 0 && { forwardedAs: renamed }) };
}
