/** The real command in cluster mode, and what is around it: upstreams that say which credential they got, and conditions of routes. */
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { isRecord, listOf } from '../../src/kubernetes/objects.ts';
import { startProgram, type Program } from '../support/program.ts';
import { resultOf, sayJson, scripted } from '../support/scripted-upstream.ts';
import { startRawServer } from '../support/raw-server.ts';
import { kubectl } from './kube.ts';
import { kubeconfig } from './fixtures.ts';
import { freePort } from '../support/free-port.ts';

const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** An API server that has just come back is slow to answer, in ms. */
const startMs = 60_000;

export interface ClusterGateway {
  /** Where it listens, without a path. */
  readonly origin: string;
  readonly adminUrl: string;
  readonly program: Program<unknown>;
}

export interface ClusterGatewayOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Whether the end of the test stops it; else the caller does. */
  readonly stopped?: boolean;
}

/** The same, before it knows any route: only its probes answer. */
export async function startWaitingGateway(ns: string): Promise<{ readonly adminUrl: string; readonly port: number }> {
  const port = await freePort();
  const program = await startProgram(
    [
      command,
      'run',
      '--kubernetes',
      '--namespace',
      ns,
      '--port',
      String(port),
      '--admin-port',
      '0',
      '--log-format',
      'json',
    ],
    {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      withinMs: startMs,
      ready: (_, stderr) => /waited for.*?(http:\S+)\/readyz/.exec(stderr.join('\n'))?.[1],
    },
  );
  onTestFinished(async () => void (await program.stop()));
  return { adminUrl: program.ready, port };
}

/** `manifold run --kubernetes` for one namespace, on free ports. */
export async function startClusterGateway(ns: string, options: ClusterGatewayOptions = {}): Promise<ClusterGateway> {
  const own = ['--namespace', ns, '--port', String(options.port ?? 0), '--admin-port', '0', '--drain-delay', '0s'];
  const program = await startProgram(
    [command, 'run', '--kubernetes', ...own, '--log-format', 'json', ...(options.args ?? [])],
    {
      env: { ...process.env, KUBECONFIG: kubeconfig, ...options.env },
      withinMs: startMs,
      ready: (stdout) => {
        const text = stdout.join('\n');
        const origin = /^Manifold \S+ serves .* at (http:\S+)$/m.exec(text)?.[1];
        const adminUrl = /(http:\S+)\/readyz/.exec(text)?.[1];
        return origin === undefined || adminUrl === undefined ? undefined : { origin, adminUrl };
      },
    },
  );
  if (options.stopped !== false) onTestFinished(async () => void (await program.stop()));
  return { ...program.ready, program };
}

export interface TellingUpstream {
  readonly port: number;
  /** Calls by the credential that came with them. */
  readonly calls: ReadonlyMap<string, number>;
}

/** A server with one tool, `whoami`, which answers its name and the `Authorization` that it got. */
export async function startTelling(name: string): Promise<TellingUpstream> {
  const calls = new Map<string, number>();
  const server = await startRawServer(
    scripted((message, response, { headers }) => {
      if (message.method === 'tools/list')
        return sayJson(response, resultOf(message, { tools: [{ name: 'whoami', inputSchema: { type: 'object' } }] }));
      const credential = headers['authorization'] ?? 'nobody';
      calls.set(credential, (calls.get(credential) ?? 0) + 1);
      return sayJson(response, resultOf(message, { content: [{ type: 'text', text: `${name} ${credential}` }] }));
    }),
  );
  return { port: Number(new URL(server.url).port), calls };
}

/** A Backend at a port of this machine. */
export function backend(ns: string, name: string, port: number): unknown {
  return {
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'Backend',
    metadata: { name, namespace: ns },
    spec: { endpoints: [{ ip: { address: '127.0.0.1', port } }] },
  };
}

/** For the backend of a route in fixtures.ts. */
export const toBackend = (name: string): Record<string, unknown> => ({
  group: 'gateway.envoyproxy.io',
  kind: 'Backend',
  name,
  port: undefined,
});

export function conditions(ns: string, name: string): Record<string, unknown>[] {
  const object: unknown = JSON.parse(kubectl(kubeconfig, ['get', 'mcproute', name, '-n', ns, '-o', 'json']));
  const status = isRecord(object) && isRecord(object['status']) ? object['status'] : {};
  return listOf(status['conditions']).filter(isRecord);
}

/** Such as `Accepted=True/Accepted`. */
export function summary(ns: string, name: string): string[] {
  return conditions(ns, name).map(({ type, status, reason }) => `${String(type)}=${String(status)}/${String(reason)}`);
}

export async function textAt(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: (await response.text()).trim() };
}
