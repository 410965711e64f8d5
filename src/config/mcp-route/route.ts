/** Converts one MCPRoute, with the objects that it references, into a route of the model. */
import { schemeOf, slug } from '../identity.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { TakenNames } from '../mcp-servers/read.ts';
import { maxUpstreams } from '../limits.ts';
import type { Naming, RouteConfig, UpstreamConfig, UpstreamTransport } from '../model.ts';
import { checkId } from '../naming.ts';
import { nearest } from '../nearest.ts';
import { destinationOf, urlOf } from './backend.ts';
import { connected } from './connection.ts';
import type { RouteContext } from './context.ts';
import { fault, placed, within } from './context.ts';
import { credentialOf, forwarded } from './credential.ts';
import { documentOf, documentsOf } from './documents.ts';
import { shaped } from './faults.ts';
import { attachedTo } from './listeners.ts';
import type { Located } from './objects.ts';
import { backendSelectorOf, securityOf } from './policy.ts';
import { checkRoutePath } from './route-path.ts';
import type { BackendRefText, RouteSpec } from './route-shape.ts';
import { securedBy } from './security-settings.ts';
import type { SecuritySettings } from './security-settings-shape.ts';
import { everything, readHeaderMatches, readSelector } from './selector.ts';
import { tuned } from './settings.ts';
import type { BackendSettings } from './settings-shape.ts';
import { annotationPrefix, settingsAnnotation, settingsShape } from './settings-shape.ts';

/** Undefined if it is invalid, which is reported in the findings of the context. */
export function routeOf(
  { object }: Located<'MCPRoute'>,
  context: RouteContext,
  naming: Naming,
): RouteConfig | undefined {
  const before = context.findings.faults.length;
  const { metadata, spec } = object;
  const settings = settingsOf(context, metadata.annotations ?? {}, spec);
  const attached = attachedTo(context, spec);
  const headers = readHeaderMatches(context, ['spec', 'headers'], spec.headers ?? []);
  checkRoutePath(context, ['spec', 'path'], spec.path);
  const upstreams = upstreamsOf(context, spec, naming, settings.backends);
  const ids = new Map(spec.backendRefs.map(({ name }) => [name, slug(name)]));
  const policy =
    spec.securityPolicy === undefined
      ? undefined
      : securityOf(context, ['spec', 'securityPolicy'], spec.securityPolicy, ids);
  const security = securedBy(context, [...settingsPath, 'security'], policy, settings.security);
  const selector =
    spec.backendSelector === undefined
      ? undefined
      : backendSelectorOf(context, ['spec', 'backendSelector'], spec.backendSelector);
  if (context.findings.faults.length > before) return undefined;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    path: spec.path,
    naming,
    upstreams,
    ...(attached.hosts !== undefined && { hosts: attached.hosts }),
    ...(attached.ports !== undefined && { ports: attached.ports }),
    ...(attached.certificates.length > 0 && { certificates: attached.certificates }),
    ...(headers.length > 0 && { headers }),
    ...(security !== undefined && { security }),
    ...(selector !== undefined && { backendSelector: selector }),
  };
}

type SettingsByBackend = ReadonlyMap<string, BackendSettings>;

const settingsPath = ['metadata', 'annotations', settingsAnnotation];

function settingsOf(
  context: RouteContext,
  annotations: Readonly<Record<string, string>>,
  spec: RouteSpec,
): { readonly backends: SettingsByBackend; readonly security: SecuritySettings | undefined } {
  const nothing = { backends: new Map(), security: undefined };
  for (const name of Object.keys(annotations)) {
    if (name.startsWith(annotationPrefix) && name !== settingsAnnotation)
      fault(context, ['metadata', 'annotations', name], 'unknown annotation', `Did you mean "${settingsAnnotation}"?`);
  }
  const text = annotations[settingsAnnotation];
  if (text === undefined) return nothing;
  const place = context.document.place(settingsPath) ?? context.document.source;
  const findings = within(context.findings, settingsPath, place);
  const [document] = documentsOf(text, place, context.env, findings);
  if (document === undefined) return nothing;
  const settings = shaped(settingsShape, document.value, [], documentOf(undefined, place), findings);
  const known = spec.backendRefs.map(({ name }) => name);
  for (const name of Object.keys(settings?.backends ?? {})) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    fault(
      context,
      [...settingsPath, 'backends', name],
      'the route has no such backend',
      near === undefined ? 'Take it out' : `Did you mean "${near}"?`,
    );
  }
  return { backends: new Map(Object.entries(settings?.backends ?? {})), security: settings?.security };
}

function upstreamsOf(
  context: RouteContext,
  spec: RouteSpec,
  naming: Naming,
  settings: SettingsByBackend,
): readonly UpstreamConfig[] {
  const findings = placed(context);
  const path = ['spec', 'backendRefs'];
  const claims = new TakenNames(naming, findings);
  if (spec.backendRefs.length > maxUpstreams)
    fault(
      context,
      path,
      `${spec.backendRefs.length} backends, more than ${maxUpstreams}`,
      'Divide them among several routes',
    );
  return spec.backendRefs.slice(0, maxUpstreams).flatMap((ref, i) => {
    const at = [...path, i];
    const id = slug(ref.name);
    const scheme = schemeOf(id);
    claims.claim([...at, 'name'], ref.name, id, scheme);
    checkId([...at, 'name'], id, naming, findings);
    const rest = backendOf(context, at, ref, settings.get(ref.name));
    return rest === undefined ? [] : [Object.freeze({ name: ref.name, id, naming, scheme, ...rest })];
  });
}

function backendOf(
  context: RouteContext,
  at: JsonPath,
  ref: BackendRefText,
  settings: BackendSettings | undefined,
): Omit<UpstreamConfig, 'name' | 'id' | 'naming' | 'scheme'> | undefined {
  const destination = destinationOf(context, at, ref);
  // The path is checked even if the backend is invalid.
  const url = urlOf(context, [...at, 'path'], destination?.origin ?? 'http://backend', ref.path);
  const apiKey = ref.securityPolicy?.apiKey;
  const credential =
    apiKey === undefined
      ? undefined
      : credentialOf(context, [...at, 'securityPolicy', 'apiKey'], apiKey, url ?? 'http://backend');
  const tools =
    ref.toolSelector === undefined ? everything : readSelector(context, [...at, 'toolSelector'], ref.toolSelector);
  const headers = credential?.headers ?? [];
  const passed = forwarded(
    context,
    [...at, 'forwardHeaders'],
    ref.forwardHeaders ?? [],
    new Set([
      ...headers.map(([name]) => name.toLowerCase()),
      ...(settings?.grant === undefined ? [] : ['authorization']),
    ]),
    settings?.acknowledgeTokenPassthrough === true,
  );
  const settingsAt = [...settingsPath, 'backends', ref.name];
  const rest = tuned(context, settingsAt, settings);
  if (destination === undefined || url === undefined) return undefined;
  const transport: UpstreamTransport = {
    kind: 'http',
    url: credential?.url ?? url,
    headers,
    ...(destination.tls !== undefined && { tls: destination.tls }),
    ...(destination.socketPath !== undefined && { socketPath: destination.socketPath }),
  };
  return {
    transport: connected(context, settingsAt, transport, settings ?? {}),
    tools,
    ...passed,
    ...(settings?.passthroughAudience !== undefined && { passedAudience: settings.passthroughAudience }),
    ...rest,
    ...(credential !== undefined && { credential: credential.shown }),
  };
}
