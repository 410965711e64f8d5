/** The result for one route, as reported in its status. */
import type { ObjectRef } from './objects.ts';

export interface Verdict {
  readonly ref: ObjectRef;
  readonly uid: string;
  /** `metadata.generation` of the version that was read. */
  readonly generation: number;
  /** The route is valid. */
  readonly accepted: boolean;
  /** All referenced objects exist and may be used. */
  readonly resolved: boolean;
  /** Calls are served by this version of the route, not by an older one. */
  readonly programmed: boolean;
  /** Why not, as text for the author of the route, without secrets. Empty if all is well. */
  readonly message: string;
  /** CamelCase reasons for what is false; default `Invalid`, `BackendNotFound` and `Invalid`. */
  readonly reasons?: { readonly accepted?: string; readonly resolved?: string; readonly programmed?: string };
}

export function isRefusal({ accepted, resolved, programmed }: Verdict): boolean {
  return !accepted || !resolved || !programmed;
}
