/** What an upstream has shown of itself, for operators: in which revisions it answers, and what failed last. */
import { catalogue, type ErrorCode } from '../../errors.ts';
import type { Revision } from '../../protocol/revisions.ts';

/** Faults of the gateway's own limits: nothing was asked of the upstream. */
const ownLimits: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['upstream_open', 'upstream_queue_full']);

/** A fault as clients are told it. `atMs`: Unix time. */
export interface LastFault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly atMs: number;
}

export class Contact {
  /** In which it has opened sessions, the newest last. At most one for each revision there is. */
  readonly revisions = new Set<Revision>();
  /** When it opened one last, in ms of Unix time; undefined: never. */
  openedMs: number | undefined;
  fault: LastFault | undefined;

  opened(revision: Revision): void {
    this.revisions.delete(revision);
    this.revisions.add(revision);
    this.openedMs = Date.now();
  }

  /** Faults that are not of the upstream are not kept. */
  failed(code: ErrorCode): void {
    if (code.startsWith('upstream_') && !ownLimits.has(code))
      this.fault = { code, message: catalogue[code].message, atMs: Date.now() };
  }

  /** It has said that it is not ready yet, and nothing better since. */
  get isStarting(): boolean {
    return this.fault?.code === 'upstream_starting' && this.fault.atMs >= (this.openedMs ?? 0);
  }
}
