/**
 * Computes the host names and ports of a route from `parentRefs`, `hostnames`, and the listeners of the Gateways among the
 * documents.
 */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { ListenerCertificate } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import type { ObjectOf } from './object-shapes.ts';
import type { Located } from './objects.ts';
import type { RouteSpec } from './route-shape.ts';
import { members, wordOf } from './shape.ts';
import { listenerCertificates } from './tls.ts';

export interface Attached {
  /** Undefined: every host. */
  readonly hosts: readonly string[] | undefined;
  /** Undefined: no Gateway is among the documents. */
  readonly ports: readonly number[] | undefined;
  readonly certificates: readonly ListenerCertificate[];
}

type Listener = ObjectOf<'Gateway'>['spec']['listeners'][number];

/** A Gateway that is not among the documents is not a fault: then the route's own host names apply, on any port. */
export function attachedTo(context: RouteContext, spec: RouteSpec): Attached {
  const hosts = new Set<string>();
  const ports = new Set<number>();
  const certificates: ListenerCertificate[] = [];
  let anyHost = false;
  let anyPort = false;
  for (const [i, ref] of spec.parentRefs.entries()) {
    const path = ['spec', 'parentRefs', i];
    const gateway = gatewayOf(context, path, ref);
    const listeners = gateway && listenersOf(context, path, ref, gateway);
    if (listeners === undefined) anyPort = true;
    if (gateway !== undefined) certificates.push(...listenerCertificates(context, gateway, listeners ?? []));
    for (const listener of listeners ?? [{ hostname: undefined }]) {
      const shared = intersection(spec.hostnames, listener.hostname);
      if (shared === undefined) anyHost = true;
      for (const host of shared ?? []) hosts.add(host);
      if ('port' in listener) ports.add(listener.port);
    }
    const isOutside =
      listeners !== undefined &&
      listeners.length > 0 &&
      listeners.every(({ hostname }) => intersection(spec.hostnames, hostname)?.length === 0);
    if (isOutside)
      fault(context, ['spec', 'hostnames'], 'none of them is one of the listener', 'Give a host name the listener has');
  }
  return {
    hosts: anyHost ? undefined : [...hosts],
    ports: anyPort || ports.size === 0 ? undefined : [...ports],
    certificates,
  };
}

function gatewayOf(
  context: RouteContext,
  path: JsonPath,
  ref: RouteSpec['parentRefs'][number],
): Located<'Gateway'> | undefined {
  const namespace = ref.namespace ?? context.from.namespace;
  if (ref.group !== 'gateway.networking.k8s.io') {
    warn(context, path, 'no Gateway of the Gateway API, by its group: served on the port of the gateway');
    return undefined;
  }
  const found = context.objects.find('Gateway', namespace, ref.name);
  if (found === 'broken') return undefined;
  if (found === undefined) {
    const near = context.objects.near('Gateway', namespace, ref.name);
    warn(
      context,
      path,
      `the Gateway is not among the documents${near === undefined ? '' : ` (is it "${near}"?)`}: served on the port of the gateway`,
    );
    return undefined;
  }
  const { document, object } = found;
  for (const [name, reason] of passedOver) {
    const at = ['spec', name];
    if (object.spec[name] !== undefined) context.findings.warn(at, `passed over: ${reason}`, document.place(at));
  }
  return found;
}

/** What a Gateway says of its own deployment, and of certificates that clients and backends are asked for. */
const passedOver = [
  ['addresses', '--host says where the gateway listens'],
  ['allowedListeners', 'ListenerSets are not read'],
  ['backendTLS', 'a Backend has the certificate that it is shown'],
  ['infrastructure', 'nothing is deployed for the Gateway'],
  ['tls', '--tls-client-ca asks clients for a certificate, and a Backend has the one that it is shown'],
] as const;

function listenersOf(
  context: RouteContext,
  path: JsonPath,
  ref: RouteSpec['parentRefs'][number],
  found: Located<'Gateway'>,
): readonly Listener[] {
  const namespace = found.object.metadata.namespace;
  const wanted = found.object.spec.listeners.filter(
    (one) =>
      (ref.sectionName === undefined || one.name === ref.sectionName) &&
      (ref.port === undefined || one.port === ref.port),
  );
  if (wanted.length === 0)
    fault(
      context,
      path,
      'the Gateway has no such listener',
      `Its listeners are ${found.object.spec.listeners.map((one) => `${one.name} (port ${one.port})`).join(', ')}`,
    );
  const spoken = wanted.filter(({ protocol }) => protocol === 'HTTP' || protocol === 'HTTPS');
  if (wanted.length > 0 && spoken.length === 0)
    fault(context, path, 'the listener does not speak HTTP', 'Give its protocol as HTTP or HTTPS');
  const taking = spoken.filter(({ allowedRoutes }) => takesKind(allowedRoutes?.kinds));
  if (spoken.length > 0 && taking.length === 0)
    fault(
      context,
      path,
      'the listener takes no MCPRoute',
      'Add HTTPRoute or MCPRoute to allowedRoutes.kinds, or take it out',
    );
  const open = taking.filter((one) => takes(one, namespace, context.from.namespace));
  if (taking.length > 0 && open.length === 0)
    fault(
      context,
      path,
      'the listener takes no route of this namespace',
      'Set allowedRoutes.namespaces.from of the listener to All',
    );
  for (const { name, allowedRoutes } of open) {
    if (allowedRoutes?.namespaces?.from !== 'Selector' || namespace === context.from.namespace) continue;
    const i = found.object.spec.listeners.findIndex((one) => one.name === name);
    const at = ['spec', 'listeners', i, 'allowedRoutes', 'namespaces', 'selector'];
    const text = 'taken to let in every namespace: the labels of namespaces are not known here';
    context.findings.warn(at, text, found.document.place(at));
  }
  return open;
}

/* Envoy AI Gateway makes an HTTPRoute of each MCPRoute, so that is the kind its files allow. */
function takesKind(kinds: unknown): boolean {
  const named = members(kinds).map((one) => wordOf(one, 'kind'));
  return named.length === 0 || named.includes('HTTPRoute') || named.includes('MCPRoute');
}

/* The labels of namespaces are unknown in files, so a selector is assumed to match. */
function takes({ allowedRoutes }: Listener, gateway: string, route: string): boolean {
  const from = allowedRoutes?.namespaces?.from ?? 'Same';
  return from === 'All' || from === 'Selector' || (from === 'Same' && gateway === route);
}

/* Gateway API §Hostname intersection. Undefined: every host. */
function intersection(
  written: readonly string[] | undefined,
  listener: string | undefined,
): readonly string[] | undefined {
  if (written === undefined || written.length === 0) return listener === undefined ? undefined : [listener];
  if (listener === undefined) return written;
  return written.flatMap((host) => {
    if (host === listener || isWithin(host, listener)) return [host];
    return isWithin(listener, host) ? [listener] : [];
  });
}

/* `a.example.com` and `*.a.example.com` are within `*.example.com`. */
function isWithin(host: string, wildcard: string): boolean {
  return wildcard.startsWith('*.') && host !== wildcard && host.endsWith(wildcard.slice(1));
}
