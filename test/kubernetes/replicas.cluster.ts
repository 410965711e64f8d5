/**
 * Three replicas in cluster mode behind a balancer without affinity, under load, while everything around them changes: routes, a
 * Secret, the key ring, replicas, the API server. No call may fail but those of a route that was deleted. `npm run demo:kubernetes`
 * runs this file alone; it ends with a table of what was seen.
 *
 * A call whose replica is killed has lost its connection and is made again, as the tool says that it may be; such calls are counted.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startBalancer } from '../support/balancer.ts';
import { makeKeysFile } from '../support/replicas.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { hasCluster, kubeconfig, namespace, route, secret } from './fixtures.ts';
import {
  backend,
  conditions,
  startClusterGateway,
  startTelling,
  summary,
  textAt,
  toBackend,
  type ClusterGateway,
} from './gateway.ts';
import { apiServer, apply, kubectl, root, shared } from './kube.ts';
import { kindOf, operatorDefinitions, setNamespace } from './manifests.ts';

const workersOfRoute = 4;
/** Calls of one session, after which a client begins another. */
const callsOfSession = 25;
const failTimeoutMs = 0;

interface Tally {
  calls: number;
  /** By client, one after another. */
  readonly sessions: number[];
  readonly faults: string[];
  /** Whom the calls reached, and with which credential. */
  readonly seen: Set<string>;
}

/** Requests that were made again: the replica was draining, or its connection was cut. */
const repeated = { drained: 0, cut: 0 };

const patient: typeof fetch = async (input, init) => {
  for (;;) {
    try {
      const answer = await fetch(input, init);
      if (answer.status !== 503) return answer;
      await answer.body?.cancel();
      repeated.drained += 1;
    } catch (fault) {
      if (init?.signal?.aborted === true) throw fault;
      repeated.cut += 1;
    }
    await sleep(50);
  }
};

/** Clients that call and call, until told otherwise. */
function startLoad(url: string): { readonly tally: Tally; stop(): Promise<void> } {
  const tally: Tally = { calls: 0, sessions: Array<number>(workersOfRoute).fill(0), faults: [], seen: new Set() };
  const load = { isOver: false };
  const session = async (at: number): Promise<void> => {
    const { client, close } = await sdkClient(url, { transport: { fetch: patient } });
    tally.sessions[at]! += 1;
    for (let n = 0; n < callsOfSession && !load.isOver; n += 1) {
      const { content } = await client.callTool({ name: 'whoami', arguments: {} });
      tally.seen.add(/"text":"([^"]*)"/.exec(JSON.stringify(content))?.[1] ?? 'nothing');
      tally.calls += 1;
      await sleep(20);
    }
    await close();
  };
  const work = async (at: number): Promise<void> => {
    while (!load.isOver) {
      await session(at).catch(async (fault: unknown) => {
        tally.faults.push(String(fault).slice(0, 200));
        await sleep(100);
      });
    }
  };
  const all = Promise.all(Array.from({ length: workersOfRoute }, (_, at) => work(at)));
  return {
    tally,
    stop: async () => {
      load.isOver = true;
      await all;
    },
  };
}

const secrets: Readonly<Record<string, string>> = {
  old: randomBytes(32).toString('base64'),
  new: randomBytes(32).toString('base64'),
};
const key = (id: string, sealFrom?: string): object => ({
  id,
  secret: secrets[id],
  kdf: 'none',
  ...(sealFrom === undefined ? {} : { sealFrom }),
});

/** What of the reference product's examples this gateway reads. */
const readKinds: ReadonlySet<string> = new Set([
  'MCPRoute',
  'Backend',
  'BackendTLSPolicy',
  'Secret',
  'ConfigMap',
  'Service',
  'ReferenceGrant',
  'Gateway',
]);

function applyExamples(ns: string): void {
  const folder = path.join(shared, 'envoy-examples/examples');
  const objects = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(path.join(folder, name), 'utf8')))
    .map((document): unknown => document.toJS())
    .filter((object) => readKinds.has(kindOf(object)));
  for (const object of objects) {
    setNamespace(object, ns);
    try {
      apply(kubeconfig, object);
    } catch {
      // The API server refuses what a template left open; the examples are for a shell to fill in.
    }
  }
}

function routesOf(ns: string): string[] {
  return kubectl(kubeconfig, ['get', 'mcproutes', '-n', ns, '-o', 'name'])
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(line.indexOf('/') + 1));
}

describe.skipIf(!hasCluster)('three replicas in cluster mode', () => {
  test(
    'lose no call while routes, Secrets, keys, replicas and the API server change',
    { timeout: 400_000 },
    async () => {
      const rows: { event: string; 'seen after ms': number | string; 'calls so far': number }[] = [];
      const ns = namespace('replicas');
      const examples = namespace('examples');
      apply(kubeconfig, ...operatorDefinitions);
      kubectl(kubeconfig, [
        'wait',
        '--for=condition=established',
        '--timeout=60s',
        ...operatorDefinitions.map(({ metadata: { name } }) => `crd/${name}`),
      ]);
      kubectl(kubeconfig, [
        'apply',
        '--server-side',
        '--force-conflicts',
        '-k',
        path.join(root, 'k8s/overlays/multi-replica'),
      ]);
      applyExamples(examples);
      const [one, two] = [await startTelling('one'), await startTelling('two')];
      apply(
        kubeconfig,
        backend(ns, 'one', one.port),
        backend(ns, 'two', two.port),
        secret(ns, 'key', 'first'),
        route(ns, 'steady', { backend: toBackend('one'), secret: { name: 'key' } }),
        route(ns, 'moving', { backend: toBackend('one') }),
        route(ns, 'doomed', { backend: toBackend('one') }),
      );

      const keysFile = await makeKeysFile();
      writeFileSync(keysFile, JSON.stringify({ keys: [key('old')] }));
      const started: ClusterGateway[] = [];
      const start = async (name: string, port?: number): Promise<ClusterGateway> => {
        const gateway = await startClusterGateway(ns, {
          args: [
            '--namespace',
            `${ns},${examples}`,
            '--session-keys',
            keysFile,
            '--gateway-name',
            ns,
            '--drain-timeout',
            '5s',
          ],
          env: { POD_NAME: name },
          ...(port === undefined ? {} : { port }),
        });
        started.push(gateway);
        return gateway;
      };
      const replicas = await Promise.all(['a', 'b', 'c'].map(async (name) => await start(name)));
      const ports = replicas.map(({ origin }) => Number(new URL(origin).port));
      const balancer = await startBalancer(ports, failTimeoutMs);
      onTestFinished(async () => await balancer.close());
      const replace = async (index: number, signal: NodeJS.Signals): Promise<void> => {
        await replicas[index]?.program.kill(signal);
        replicas[index] = await start(`${'abc'[index]}-${performance.now()}`, ports[index]);
      };
      const roll = async (): Promise<void> => {
        for (const index of [0, 1, 2]) await replace(index, 'SIGTERM');
      };

      const [steady, moving, doomed] = ['steady', 'moving', 'doomed'].map((name) =>
        startLoad(`${balancer.origin}/${name}`),
      );
      if (steady === undefined || moving === undefined || doomed === undefined) throw new Error('no load');
      onTestFinished(async () => void (await Promise.all([steady.stop(), moving.stop(), doomed.stop()])));
      const calls = (): number => steady.tally.calls + moving.tally.calls + doomed.tally.calls;
      /** Does something and waits for what shows that it came about. */
      const step = async (event: string, act: () => unknown, isSeen: () => unknown): Promise<void> => {
        await act();
        const startedMs = performance.now();
        await expect.poll(isSeen, { timeout: 60_000 }).toBe(true);
        const before = calls();
        await expect.poll(() => calls() > before + 30, { timeout: 60_000 }).toBe(true);
        rows.push({ event, 'seen after ms': Math.round(performance.now() - startedMs), 'calls so far': calls() });
      };
      const isAtAll = async (name: string, status: number): Promise<boolean> => {
        const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
        const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
        const answers = replicas.map(
          async ({ origin }) => await fetch(`${origin}/${name}`, { method: 'POST', body, headers }),
        );
        const statuses = (await Promise.all(answers)).map((answer) => answer.status);
        return statuses.every((found) => (found === 404) === (status === 404));
      };
      /** Each client has begun sessions anew: two, as the first may have been under way. */
      const sessionsLater = async (): Promise<void> => {
        const loads = [steady, moving];
        const before = loads.map(({ tally }) => [...tally.sessions]);
        const isLater = (): boolean =>
          loads.every(({ tally }, i) => tally.sessions.every((count, n) => count >= (before[i]?.[n] ?? 0) + 2));
        await expect.poll(isLater, { timeout: 120_000 }).toBe(true);
      };

      await step(
        'three replicas serve',
        () => {},
        () => steady.tally.seen.has('one Bearer first'),
      );
      await step(
        'a route is applied',
        () => apply(kubeconfig, route(ns, 'added', { backend: toBackend('two') })),
        async () => await isAtAll('added', 200),
      );
      await step(
        'a route leads elsewhere',
        () => apply(kubeconfig, route(ns, 'moving', { backend: toBackend('two') })),
        () => moving.tally.seen.has('two nobody'),
      );
      await step(
        'a Secret is rotated',
        () => apply(kubeconfig, secret(ns, 'key', 'second')),
        () => steady.tally.seen.has('one Bearer second'),
      );
      expect(doomed.tally.faults).toEqual([]);
      await step(
        'a route is deleted',
        () => kubectl(kubeconfig, ['delete', 'mcproute', 'doomed', '-n', ns]),
        async () => await isAtAll('doomed', 404),
      );
      await doomed.stop();
      writeFileSync(
        keysFile,
        JSON.stringify({ keys: [key('new', new Date(Date.now() + 20_000).toISOString()), key('old')] }),
      );
      await step('keys 1: the new one is accepted, replicas roll', roll, () => true);
      await step(
        'keys 2: the new one seals',
        async () => await sleep(20_000),
        () => true,
      );
      await sessionsLater();
      writeFileSync(keysFile, JSON.stringify({ keys: [key('new')] }));
      await step('keys 3: the old one is gone, replicas roll', roll, () => true);
      await step(
        'a replica is killed and comes back',
        async () => await replace(0, 'SIGKILL'),
        () => true,
      );
      const server = apiServer(kubeconfig);
      await step(
        'the API server is killed',
        async () => await server.kill(),
        async () => {
          const texts = await Promise.all(
            replicas.map(async ({ adminUrl }) => (await textAt(`${adminUrl}/readyz`)).text),
          );
          return texts.every((text) => text.startsWith('ready: the last known configuration'));
        },
      );
      await step(
        'a replica is killed meanwhile',
        async () => await replicas[1]?.program.kill('SIGKILL'),
        () => true,
      );
      await step(
        'the API server and the replica are back',
        async () => {
          await server.start();
          replicas[1] = await start('b-again', ports[1]);
        },
        async () => {
          const texts = await Promise.all(
            replicas.map(async ({ adminUrl }) => (await textAt(`${adminUrl}/readyz`)).text),
          );
          return texts.every((text) => text === 'ready: the cluster is watched');
        },
      );
      await step(
        'a route changes after that',
        () => apply(kubeconfig, route(ns, 'moving', { backend: toBackend('one') })),
        async () => {
          await sleep(500);
          moving.tally.seen.clear();
          await sleep(500);
          return moving.tally.seen.has('one nobody') && !moving.tally.seen.has('two nobody');
        },
      );
      await expect
        .poll(() => conditions(ns, 'moving')[0], { timeout: 60_000 })
        .toMatchObject({ observedGeneration: 3, status: 'True' });
      await Promise.all([steady.stop(), moving.stop()]);

      const verdicts = [ns, examples].flatMap((space) =>
        routesOf(space).map((name) => ({
          route: `${space.replace(/-.*/, '')}/${name}`,
          status: summary(space, name).join(' '),
        })),
      );
      console.info(
        `balancer: ${balancer.kind}; made again: ${repeated.cut} cut, ${repeated.drained} refused by a replica that drains`,
      );
      console.table(rows);
      console.table(verdicts);
      const said = started.flatMap(({ program }) => program.stderr);
      expect(said.filter((line) => line.includes('"internal fault"'))).toEqual([]);
      expect(steady.tally.faults).toEqual([]);
      expect(moving.tally.faults).toEqual([]);
      expect(steady.tally.seen).toEqual(new Set(['one Bearer first', 'one Bearer second']));
      expect(verdicts.length).toBeGreaterThan(3);
    },
  );
});
