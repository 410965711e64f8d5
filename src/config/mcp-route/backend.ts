/** Converts a reference to a Service or Backend into its URLs and TLS settings. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { UpstreamTls } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault, grantedNamespace } from './context.ts';
import type { ObjectOf } from './object-shapes.ts';
import { missing } from './secrets.ts';
import { ownTls, policyTls } from './tls.ts';

export interface BackendRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly port?: number | undefined;
}

/** The address of a backend. `origin` has no path: `https://mcp.example.com`. */
export interface Destination {
  readonly origin: string;
  readonly tls: UpstreamTls | undefined;
  readonly socketPath: string | undefined;
}

const backendGroup = 'gateway.envoyproxy.io';
const httpsPort = 443;

/** Undefined if the reference is invalid, which is reported as a fault. */
export function destinationOf(context: RouteContext, path: JsonPath, ref: BackendRef): Destination | undefined {
  const isService = ref.kind === 'Service' && ref.group === '';
  if (!isService && !(ref.kind === 'Backend' && ref.group === backendGroup)) {
    fault(
      context,
      path,
      `a backend of kind ${ref.kind} in the group "${ref.group}" cannot be reached from here`,
      `Name a Service, or a Backend of ${backendGroup}`,
    );
    return undefined;
  }
  const namespace = grantedNamespace(context, path, ref);
  if (namespace === undefined) return undefined;
  return isService ? ofService(context, path, ref, namespace) : ofBackend(context, path, ref, namespace);
}

/* A cluster gives each Service a DNS name, so the Service itself need not be among the documents. */
function ofService(context: RouteContext, path: JsonPath, ref: BackendRef, namespace: string): Destination | undefined {
  const found = context.objects.find('Service', namespace, ref.name);
  const port = ref.port ?? 80;
  let host = `${ref.name}.${namespace}.svc`;
  let section: string | undefined;
  let isSecure = port === httpsPort;
  if (found !== undefined && found !== 'broken') {
    const { spec } = found.object;
    const ports = spec?.ports ?? [];
    const named = ports.find((one) => one.port === port);
    if (named === undefined && ports.length > 0) {
      fault(
        context,
        [...path, 'port'],
        `the Service has no port ${port}`,
        `Give one of its ports: ${ports.map((one) => one.port).join(', ')}`,
      );
    }
    section = named?.name;
    isSecure ||= named?.appProtocol?.toLowerCase() === 'https';
    if (spec?.type === 'ExternalName' && spec.externalName !== undefined) host = spec.externalName;
  }
  const policy = policyTls(context, { group: '', kind: 'Service', name: ref.name, section }, namespace);
  return {
    origin: `${policy !== undefined || isSecure ? 'https' : 'http'}://${host}${portText(port, policy !== undefined || isSecure)}`,
    tls: policy,
    socketPath: undefined,
  };
}

function ofBackend(context: RouteContext, path: JsonPath, ref: BackendRef, namespace: string): Destination | undefined {
  const found = context.objects.find('Backend', namespace, ref.name);
  if (found === 'broken') return undefined;
  if (found === undefined) {
    missing(context, path, 'Backend', namespace, ref.name);
    return undefined;
  }
  const { spec } = found.object;
  const [first, ...others] = spec.endpoints ?? [];
  const tell = (inner: JsonPath, text: string): void =>
    context.findings.warn(['spec', ...inner], text, found.document.place(['spec', ...inner]));
  if (first === undefined) {
    fault(context, path, 'the Backend has no endpoint', 'Give it one: fqdn, ip or unix');
    return undefined;
  }
  if (others.length > 0) tell(['endpoints'], `${others.length + 1} endpoints, of which the first one is used`);
  if ((spec.appProtocols ?? []).length > 0) tell(['appProtocols'], 'passed over: HTTP/1.1 is spoken');
  for (const name of ['zone', 'hostname'] as const)
    if (first[name] !== undefined && !(name === 'hostname' && first.unix !== undefined))
      tell(['endpoints', 0, name], 'passed over: the address alone counts');
  if (spec.fallback === true) tell(['fallback'], 'passed over: each backend of a route is a server of its own');
  const policy = policyTls(
    context,
    { group: backendGroup, kind: 'Backend', name: ref.name, section: undefined },
    namespace,
  );
  const own = spec.tls === undefined ? undefined : ownTls(context, found, namespace);
  const tls = policy === undefined && own === undefined ? undefined : { ...own, ...policy };
  return addressOf(first, tls);
}

type Endpoint = NonNullable<ObjectOf<'Backend'>['spec']['endpoints']>[number];

function addressOf({ fqdn, ip, unix, hostname }: Endpoint, tls: UpstreamTls | undefined): Destination {
  if (unix !== undefined)
    return {
      origin: `${tls === undefined ? 'http' : 'https'}://${hostname ?? 'localhost'}`,
      tls,
      socketPath: unix.path,
    };
  const port = fqdn?.port ?? ip?.port ?? 0;
  const isSecure = tls !== undefined || port === httpsPort;
  const address = ip?.address ?? '';
  const host = fqdn?.hostname ?? (address.includes(':') ? `[${address}]` : address);
  return { origin: `${isSecure ? 'https' : 'http'}://${host}${portText(port, isSecure)}`, tls, socketPath: undefined };
}

function portText(port: number, isSecure: boolean): string {
  return port === (isSecure ? httpsPort : 80) ? '' : `:${port}`;
}

/** The URL of a destination and a path; undefined for an invalid path, which is reported as a fault. */
export function urlOf(context: RouteContext, path: JsonPath, origin: string, written: string): string | undefined {
  const url = written.startsWith('/') ? URL.parse(origin + written) : null;
  if (url !== null && !written.includes('#')) return url.href;
  fault(context, path, 'not the path of a URL', 'Begin it with "/" and leave out "#" and what follows');
  return undefined;
}
