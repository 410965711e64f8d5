/** What a scenario is made of: targets that are compared, workloads that each of them gets in each round, and a verdict. */
import type { Sample } from './measure.ts';

/**
 * `gateway` is this project's own command with a key ring of that key derivation, with that many routes (one when absent), or, with
 * `asks`, with a protected one (secured.ts);
 * `other` is whatever listens at `url`.
 */
export type TargetSpec =
  | { readonly kind: 'direct'; readonly name: string }
  | { readonly kind: 'relay'; readonly name: string }
  | {
      readonly kind: 'gateway';
      readonly name: string;
      readonly kdf: string;
      readonly routes?: number;
      readonly asks?: 'token' | 'rules';
    }
  | { readonly kind: 'other'; readonly name: string; readonly url: string; readonly pid: number | undefined };

/**
 * `call`: `tools/call` of 300 B over and over, each connection in its own session. `session`: initialize, initialized,
 * one `tools/call`, DELETE, over and over; the four count as one operation.
 */
export interface Workload {
  readonly name: string;
  readonly kind: 'call' | 'session';
  /** Which load generator; README.md says why there are two. */
  readonly engine: 'autocannon' | 'own';
  readonly connections: number;
  readonly reply: 'json' | 'sse';
}

/** `met` is undefined where the run is too noisy to tell. */
export interface Verdict {
  readonly met: boolean | undefined;
  readonly text: string;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly targets: readonly TargetSpec[];
  workloads(connections: number): readonly Workload[];
  verdicts(samples: readonly Sample[]): readonly Verdict[];
}
