/** What became of a route, as the rest of the gateway tells it. */
import type { ObjectRef } from './objects.ts';

export interface Verdict {
  readonly ref: ObjectRef;
  readonly uid: string;
  /** `metadata.generation` of what was read. */
  readonly generation: number;
  /** The route is valid. */
  readonly accepted: boolean;
  /** All it names is there and may be used. */
  readonly resolved: boolean;
  /** Calls are served by it as it is now, not by an older one. */
  readonly programmed: boolean;
  /** Why not, in words for its author; without secrets. Empty where all is well. */
  readonly message: string;
  /** In CamelCase, for what is not so; `Invalid`, `BackendNotFound` and `Invalid` unless given. */
  readonly reasons?: { readonly accepted?: string; readonly resolved?: string; readonly programmed?: string };
}

export function isRefusal({ accepted, resolved, programmed }: Verdict): boolean {
  return !accepted || !resolved || !programmed;
}
