/** A gateway in front of a protected route: an MCPRoute with its objects, written to a file and served by the real command. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { freePort } from './free-port.ts';
import { makeKeysFile } from './replicas.ts';
import { closedAtTheEnd } from './started.ts';

export interface ProtectedRoute {
  /** By name: where it listens on this machine, and further fields of its `backendRefs` entry. */
  readonly backends: Readonly<Record<string, { readonly url: string; readonly ref?: object }>>;
  /** `spec.securityPolicy`, given the URL of the endpoint. */
  readonly securityPolicy?: (resource: string) => object;
  readonly backendSelector?: object;
  /** The annotation of ours. */
  readonly settings?: object;
  /** Backends that the route does not have: servers that it asks. */
  readonly services?: Readonly<Record<string, { readonly url: string }>>;
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface ProtectedGateway extends GatewayProcess {
  /** Writes the route anew, which the gateway reads again. */
  rewrite(route: ProtectedRoute): Promise<void>;
  /** Where the file is. */
  readonly file: string;
}

/** `args`: further arguments of `run`. */
export async function startProtected(route: ProtectedRoute, args: readonly string[] = []): Promise<ProtectedGateway> {
  const port = await freePort();
  const resource = `http://127.0.0.1:${port}/mcp`;
  const folder = await mkdtemp(join(tmpdir(), 'manifold-protected-'));
  closedAtTheEnd(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'route.yaml');
  await writeFile(file, documentsOf(route, resource));
  const gateway = await startGateway({ port, args: [file, ...args] });
  return { ...gateway, url: resource, file, rewrite: (next) => writeFile(file, documentsOf(next, resource)) };
}

/**
 * Two replicas of one gateway that tell one another what they hear: one key ring, one name (that of the first), each at its own `url`.
 * `args`: further arguments of `run`.
 */
export async function startProtectedPair(
  route: ProtectedRoute,
  args: readonly string[] = [],
): Promise<readonly [GatewayProcess, GatewayProcess]> {
  const [one, other] = [await freePort(), await freePort()];
  const resource = `http://127.0.0.1:${one}/mcp`;
  const folder = await mkdtemp(join(tmpdir(), 'manifold-protected-'));
  closedAtTheEnd(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'route.yaml');
  await writeFile(file, documentsOf(route, resource));
  const keysFile = await makeKeysFile();
  const start = async (port: number, peer: number): Promise<GatewayProcess> => {
    const named = ['--public-url', resource, '--peers', `127.0.0.1:${peer}`, '--peer-address', '127.0.0.1:0'];
    const gateway = await startGateway({ port, keysFile, admin: false, args: [file, ...named, ...args] });
    return { ...gateway, url: `http://127.0.0.1:${port}/mcp` };
  };
  return await Promise.all([start(one, other), start(other, one)]);
}

/** JSON is YAML. */
function documentsOf(route: ProtectedRoute, resource: string): string {
  const { backends, securityPolicy, backendSelector, settings, services = {}, secrets = {} } = route;
  const metadata = { name: 'protected', namespace: 'default' };
  const objects: object[] = [
    {
      apiVersion: 'aigateway.envoyproxy.io/v1beta1',
      kind: 'MCPRoute',
      metadata: {
        ...metadata,
        ...(settings === undefined ? {} : { annotations: { 'manifold.dev/settings': JSON.stringify(settings) } }),
      },
      spec: {
        parentRefs: [{ name: 'manifold', kind: 'Gateway', group: 'gateway.networking.k8s.io' }],
        path: '/mcp',
        backendRefs: Object.entries(backends).map(([name, { url, ref }]) => ({
          name,
          kind: 'Backend',
          group: 'gateway.envoyproxy.io',
          path: new URL(url).pathname,
          ...ref,
        })),
        ...(securityPolicy === undefined ? {} : { securityPolicy: securityPolicy(resource) }),
        ...(backendSelector === undefined ? {} : { backendSelector }),
      },
    },
    ...Object.entries({ ...backends, ...services }).map(([name, { url }]) => ({
      apiVersion: 'gateway.envoyproxy.io/v1alpha1',
      kind: 'Backend',
      metadata: { name, namespace: 'default' },
      spec: { endpoints: [{ ip: { address: '127.0.0.1', port: Number(new URL(url).port) } }] },
    })),
    ...Object.entries(secrets).map(([name, stringData]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      stringData,
    })),
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

/** `securityPolicy.oauth` for the tokens of an issuer. */
export function oauthOf(issuer: string, resource: string, more: object = {}): object {
  return {
    issuer,
    protectedResourceMetadata: { resource, scopesSupported: ['read'] },
    ...more,
  };
}
