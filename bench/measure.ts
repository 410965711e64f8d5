/** One measurement: a workload on a target, a warm-up that is thrown away, then a window that counts. */
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Usage } from './accounting.ts';
import { startLoad } from './driver.ts';
import type { Workload } from './scenario.ts';

/** What one window showed. Times in µs; undefined where the target keeps no account that can be read. */
export interface Window {
  readonly operations: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU of the target per operation. */
  readonly cpu: number | undefined;
  /** Cores' worth of CPU that the target used: 1 means that one thread was saturated. */
  readonly busy: number | undefined;
  readonly rssBytes: number | undefined;
}

export interface Sample extends Window {
  readonly round: number;
  readonly target: string;
  readonly workload: string;
}

export interface Measured {
  readonly url: string;
  /** Headers of each request, names and values in turn: where the target asks for a credential. */
  readonly credential?: readonly string[];
  usage(): Promise<Usage | undefined>;
}

/** A minute, in the histogram's unit: whatever takes longer counts as that. */
const longestMicros = 60_000_000;

export async function measure(
  target: Measured,
  workload: Workload,
  lengths: { readonly warmUpMs: number; readonly windowMs: number },
): Promise<Window> {
  const latencies = createHistogram({ lowest: 1, highest: longestMicros, figures: 3 });
  let counts = false;
  let operations = 0;
  let failures = 0;
  const load = await startLoad(target, workload, (micros, right) => {
    if (!counts) return;
    if (!right) {
      failures += 1;
      return;
    }
    operations += 1;
    latencies.record(Math.min(longestMicros, Math.max(1, Math.round(micros))));
  });
  await sleep(lengths.warmUpMs);
  const before = await target.usage();
  const startedAt = performance.now();
  counts = true;
  await sleep(lengths.windowMs);
  counts = false;
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await target.usage();
  await load.stop();
  const used = before === undefined || after === undefined ? undefined : after.cpuMicros - before.cpuMicros;
  return {
    operations,
    failures,
    perSecond: operations / seconds,
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    // A failure has cost CPU as well; it is not an operation, so a window with failures has no CPU figure.
    cpu: used === undefined || operations === 0 || failures > 0 ? undefined : used / operations,
    busy: used === undefined ? undefined : used / 1_000_000 / seconds,
    rssBytes: after?.rssBytes,
  };
}
