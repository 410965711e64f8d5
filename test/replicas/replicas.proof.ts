/**
 * Replicas come and go under a hundred real clients (docs/session-token.md): three gateways behind a balancer without
 * affinity (nginx where it is installed), a real server with event stores. `npm run test:replicas`; takes minutes, so it is not
 * part of `npm test`.
 *
 * What is proved: whoever has been given an event id sees every event after it once and in order, at whatever replica. What
 * cannot be: a call whose connection is cut before its first event id. Nothing can name it, and to send it again on one's own
 * could do it twice. Those are counted, shown, and made again by the client; after SIGTERM there must be none.
 */
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { startBalancer } from '../support/balancer.ts';
import type { Balancer } from '../support/balancer.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { send, openSession } from '../support/plain-client.ts';
import { loopbackUrls, startProgram } from '../support/program.ts';
import { makeKeysFile } from '../support/replicas.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { startWitness } from './witness.ts';
import type { Witness } from './witness.ts';

const clients = 100;
const times = 200;
/** Two cores carry the replicas, the server and the clients: this is the pace, the counts are those of the yardstick. */
const everyMs = 150;
const pushEveryMs = 1_000;
const chaosMs = 60_000;
const drainTimeout = '5s';
const rounds = 2;
/** nginx's `fail_timeout`, its default: a backend that failed gets nothing new for this long. */
const failTimeoutMs = 10_000;
/** A replica that is back counts as such once the balancer has tried it again; Kubernetes calls it minReadySeconds. */
const readyMs = failTimeoutMs + 1_500;

let keysFile: string;
let upstream: string;

beforeAll(async () => {
  keysFile = await makeKeysFile();
  const script = fileURLToPath(new URL('upstream.ts', import.meta.url));
  const program = await startProgram([script, String(pushEveryMs)], { ready: (lines) => loopbackUrls(lines)[0]?.href });
  closedAtTheEnd(async () => void (await program.stop()));
  upstream = program.ready;
});

interface Fleet {
  readonly balancer: Balancer;
  readonly url: string;
  readonly replicas: GatewayProcess[];
  readonly restart: (index: number) => Promise<void>;
}

function start(port: number): Promise<GatewayProcess> {
  return startGateway({
    config: { mcpServers: { up: { url: upstream } } },
    keysFile,
    admin: false,
    port,
    drainDelay: '1s',
    args: ['--drain-timeout', drainTimeout, '--log-level', 'warn'],
  });
}

/** Killed at random, all replicas would soon be out of the turns of a balancer that remembers failures: `remembersMs` 0. */
async function startFleet(remembersMs: number): Promise<Fleet> {
  const replicas = [await start(0), await start(0), await start(0)];
  const ports = replicas.map(({ url }) => Number(new URL(url).port));
  const balancer = await startBalancer(ports, remembersMs);
  closedAtTheEnd(() => balancer.close());
  return {
    balancer,
    url: `${balancer.origin}/mcp`,
    replicas,
    restart: async (index) => {
      replicas[index] = await start(ports[index]!);
    },
  };
}

async function witnesses(url: string, fetch?: typeof globalThis.fetch): Promise<Witness[]> {
  const all: Witness[] = [];
  for (let n = 0; n < clients; n += 1)
    all.push(await startWitness(url, { times, everyMs, ...(fetch === undefined ? {} : { fetch }) }));
  // From the first numbered message on, the GET stream has a place to come back to.
  await expect.poll(() => all.every(({ pushed }) => pushed > 0), { timeout: 20_000 }).toBe(true);
  return all;
}

function report(what: string, all: readonly Witness[], balancer: Balancer): void {
  const sum = (of: (witness: Witness) => number): number => all.reduce((total, witness) => total + of(witness), 0);
  const answers = [...balancer.statuses].map(([status, count]) => `${status}: ${count}`).join(', ');
  console.info(
    `${what}, balancer ${balancer.kind}: ${sum(({ whole }) => whole)} whole calls of ${times} events, ${sum(({ pushed }) => pushed)} messages on GET streams, ` +
      `${sum(({ cutBeforeId }) => cutBeforeId)} calls cut before their first id; answers: ${answers}`,
  );
}

const patient: typeof fetch = async (input, init) => {
  for (;;) {
    const answer = await fetch(input, init);
    if (answer.status !== 503) return answer;
    await answer.body?.cancel();
    await sleep(50);
  }
};

describe('three replicas, a hundred clients, each with a GET stream and calls of 200 progress notifications', () => {
  test('are killed and restarted at random for a minute: every client sees everything once and in order', async () => {
    const { balancer, url, replicas, restart } = await startFleet(0);
    const all = await witnesses(url);
    const endMs = performance.now() + chaosMs;
    const over = (): boolean => performance.now() > endMs;
    const work = Promise.all(all.map((witness) => witness.work(over)));
    let kills = 0;
    while (!over()) {
      await sleep(500 + Math.random() * 2_500);
      const victim = Math.floor(Math.random() * replicas.length);
      await replicas[victim]!.kill('SIGKILL');
      kills += 1;
      await sleep(Math.random() * 1_000);
      await restart(victim);
    }
    await work;
    report(`SIGKILL, ${kills} times`, all, balancer);
    expect(all.flatMap(({ faults }) => faults)).toEqual([]);
    expect(new Set([...balancer.statuses.keys()].filter((status) => status !== 'cut'))).toEqual(new Set([200, 202]));
    expect(all.every(({ whole }) => whole > 0)).toBe(true);
    for (const witness of all) await witness.close();
  });

  test('are replaced one by one with SIGTERM: no request fails that tries again on 503, and no stream loses anything', async () => {
    const { balancer, url, replicas, restart } = await startFleet(failTimeoutMs);
    const all = await witnesses(url, patient);
    const rolled = { isOver: false };
    const over = (): boolean => rolled.isOver;
    const work = Promise.all(all.map((witness) => witness.work(over)));
    const session = await openSession(url);
    const odd: unknown[] = [];
    let quick = 0;
    const hammer = async (): Promise<void> => {
      while (!rolled.isOver) {
        const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__echo","arguments":{}}}';
        const { status } = await session.post(body).catch((fault: unknown) => {
          odd.push(fault);
          return { status: 0 };
        });
        if (status === 200) quick += 1;
        else if (status !== 503) odd.push(status);
        await sleep(100);
      }
    };
    const hammering = Promise.all(Array.from({ length: 10 }, hammer));
    for (let round = 0; round < rounds; round += 1) {
      for (let index = 0; index < replicas.length; index += 1) {
        const startedMs = performance.now();
        expect(await replicas[index]!.kill('SIGTERM')).toEqual({ code: 0, signal: null });
        expect(performance.now() - startedMs).toBeLessThan(30_000);
        await restart(index);
        await sleep(readyMs);
      }
    }
    rolled.isOver = true;
    await Promise.all([work, hammering]);
    report(`SIGTERM, ${rounds * replicas.length} times`, all, balancer);
    console.info(`${quick} quick calls meanwhile`);
    expect(odd).toEqual([]);
    expect(all.flatMap(({ faults }) => faults)).toEqual([]);
    expect(all.reduce((sum, { cutBeforeId }) => sum + cutBeforeId, 0)).toBe(0);
    expect(new Set(balancer.statuses.keys())).toEqual(new Set([200, 202, 503]));
    expect((await send(url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token] })).status).toBe(204);
    for (const witness of all) await witness.close();
  });
});
