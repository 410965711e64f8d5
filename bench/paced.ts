/** Calls at a steady rate, whatever the answers take: what a user meets beside the load of others, without a closed loop's mercy. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { callBody, callOnce, findEchoTool, openSession } from './mcp-client.ts';
import type { Session } from './mcp-client.ts';

export interface Latencies {
  readonly calls: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface PacedCaller {
  /** Calls for so many seconds. A call that has to wait for a connection waits on the clock. */
  run(seconds: number): Promise<Latencies>;
  close(): Promise<void>;
}

/** Few, so that a slow answer is felt by the next call, as behind any pool. */
const connections = 16;
const tickMs = 10;

export async function pacedCaller(url: string, perSecond: number): Promise<PacedCaller> {
  const { origin, pathname: path } = new URL(url);
  const clients = Array.from({ length: connections }, () => new Client(origin, { pipelining: 1 }));
  const lines: { readonly client: Client; readonly session: Session }[] = [];
  for (const client of clients) lines.push({ client, session: await openSession(client, path) });
  const [first] = lines;
  const body = callBody(await findEchoTool(first!.client, path, first!.session), 'json');
  let next = 0;

  const run = async (seconds: number): Promise<Latencies> => {
    const millis: number[] = [];
    let failures = 0;
    const call = async (): Promise<void> => {
      const { client, session } = lines[next % lines.length]!;
      next += 1;
      const startedMs = performance.now();
      await callOnce(client, path, session, body).then(
        () => void millis.push(performance.now() - startedMs),
        () => void (failures += 1),
      );
    };
    const underWay: Promise<void>[] = [];
    const startedMs = performance.now();
    for (let elapsedMs = 0; elapsedMs < seconds * 1_000; elapsedMs = performance.now() - startedMs) {
      while (underWay.length < (elapsedMs / 1_000) * perSecond) underWay.push(call());
      await sleep(tickMs);
    }
    await Promise.all(underWay);
    const sorted = millis.toSorted((a, b) => a - b);
    const quantile = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
    return { calls: sorted.length, failures, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
  };
  return { run, close: async () => void (await Promise.all(clients.map((client) => client.destroy()))) };
}

export function shown({ calls, p50Ms, p99Ms }: Latencies): string {
  return `${calls} with p50 ${p50Ms.toFixed(2)} ms and p99 ${p99Ms.toFixed(2)} ms`;
}
