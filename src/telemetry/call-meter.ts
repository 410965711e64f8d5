/**
 * Metrics of calls by route, upstream, method, tool and outcome. A call only increments plain numbers; they become samples when the
 * metrics are scraped.
 */
import { Counter } from 'prom-client';
import { toolLabel } from './listed-tools.ts';
import { beforeRequests, countCalls, registry, timeRequest } from './metrics.ts';
import { TallyHistogram, type Tally } from './tally.ts';

/** Maximum number of series; further ones are counted as `other`. */
const maxSeries = 10_000;

const registers = [registry];
const meters = new Set<CallMeter>();
let series = 0;

const flushAll = (): void => {
  for (const meter of meters) meter.flush();
};
/* The totals of requests are collected before the counter of calls below. */
beforeRequests(flushAll);

const calls: Counter = new Counter({
  name: 'manifold_calls_total',
  help: 'Calls to upstreams, by route, upstream, method, tool (`other` for one that the upstream does not list, empty for other methods) and outcome.',
  labelNames: ['route', 'upstream', 'method', 'tool', 'outcome'],
  registers,
  collect: flushAll,
});
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const upstreamSeconds = new TallyHistogram({
  name: 'manifold_call_upstream_seconds',
  help: 'The part of a call in which its upstream had it, by route and upstream.',
  labelNames: ['route', 'upstream'],
  buckets,
  registers,
});
const ownSeconds = new TallyHistogram({
  name: 'manifold_call_gateway_seconds',
  help: "The gateway's own part of a call, by route: from the last byte of the request until it is sent to the upstream.",
  labelNames: ['route'],
  buckets: [0.0001, 0.00025, 0.0005, ...buckets.slice(1, 12)],
  registers,
});
const sizes = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];
const requestBytes = new TallyHistogram({
  name: 'manifold_request_bytes',
  help: 'Bytes of the requests that were calls, by route.',
  labelNames: ['route'],
  buckets: sizes,
  registers,
});

const answerBytes = new TallyHistogram({
  name: 'manifold_answer_bytes',
  help: 'Bytes of the messages that answered calls, by route; those that came before the answer are counted with it.',
  labelNames: ['route'],
  buckets: sizes,
  registers,
});

interface Cell {
  readonly method: string;
  readonly outcome: string;
  readonly labels: Record<string, string>;
  count: number;
}

/** One upstream of a route. */
interface Upstream {
  /** By tool or method, then by outcome. */
  readonly cells: Map<string, Map<string, Cell>>;
  readonly seconds: Tally;
}

/** Counts the calls of one route. */
export class CallMeter {
  readonly #route: string;
  readonly #upstreams = new Map<string, Upstream>();
  readonly #own: Tally;
  readonly #bytes: Tally;
  readonly #answers: Tally;
  #isClosed = false;

  constructor(route: string) {
    this.#route = route;
    this.#own = ownSeconds.tally({ route });
    this.#bytes = requestBytes.tally({ route });
    this.#answers = answerBytes.tally({ route });
    meters.add(this);
  }

  /**
   * Counts one call. `method` is already a label. `ownMs` is the gateway's part of the time, `ms` the total, both in ms. `bytes` is
   * the size of the request, `answered` that of its answer.
   */
  called(
    upstream: string,
    method: string,
    tool: string | undefined,
    outcome: string,
    ownMs: number,
    ms: number,
    bytes: number,
    answered: number,
  ): void {
    let known = this.#upstreams.get(upstream);
    if (known === undefined) {
      known = { cells: new Map(), seconds: upstreamSeconds.tally({ route: this.#route, upstream }) };
      this.#upstreams.set(upstream, known);
    }
    this.#cell(known, upstream, method, tool, outcome).count += 1;
    known.seconds.observe((ms - ownMs) / 1000);
    this.#own.observe(ownMs / 1000);
    this.#bytes.observe(bytes);
    this.#answers.observe(answered);
    timeRequest(method, ms);
    // The call ended after its route was removed.
    if (this.#isClosed) this.flush();
  }

  #cell({ cells }: Upstream, upstream: string, method: string, tool: string | undefined, outcome: string): Cell {
    const label = toolLabel(upstream, tool);
    const key = label === '' ? method : label;
    let byOutcome = cells.get(key);
    if (byOutcome === undefined) cells.set(key, (byOutcome = new Map()));
    let cell = byOutcome.get(outcome);
    if (cell === undefined) {
      series += 1;
      const labels =
        series > maxSeries
          ? { route: 'other', upstream: 'other', method: 'other', tool: '', outcome }
          : { route: this.#route, upstream, method, tool: label, outcome };
      byOutcome.set(outcome, (cell = { method, outcome, labels, count: 0 }));
    }
    return cell;
  }

  /** Called when the route is removed. Its counts are kept. */
  close(): void {
    this.#isClosed = true;
    this.flush();
    meters.delete(this);
  }

  /** Adds the counts since the last flush to the samples. */
  flush(): void {
    for (const [upstream, { cells }] of this.#upstreams)
      for (const byOutcome of cells.values())
        for (const cell of byOutcome.values()) {
          if (cell.count === 0) continue;
          calls.inc(cell.labels, cell.count);
          countCalls(upstream, cell.method, cell.outcome, cell.count);
          cell.count = 0;
        }
  }
}
