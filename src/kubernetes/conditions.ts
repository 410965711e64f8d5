/**
 * The conditions that this gateway writes on a route, computed from the present ones. MCPRoute conditions have no field for the
 * name of a controller, so each message begins with it; the gateway recognizes its own conditions by it.
 *
 * Types are those of Gateway API (v1, "Route conditions"). If another controller has written a condition of the same type, its
 * condition stays, and the type of ours gets the domain of the controller as a prefix: `example.com/Accepted`.
 */
import { isRecord, listOf, textOf } from './objects.ts';
import type { Verdict } from './verdict.ts';

interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** Maximum length of a message, in characters. */
const maxMessageChars = 2048;

/** All conditions to write; undefined if none of ours changes, or if a present one belongs to a newer generation. */
export function conditionsWith(
  present: unknown,
  verdict: Verdict,
  controller: string,
  now: string,
): readonly unknown[] | undefined {
  const conditions = listOf(present);
  const isOwn = (entry: unknown): boolean =>
    isRecord(entry) && (textOf(entry['message']) ?? '').startsWith(`${controller}: `);
  const own = conditions.filter(isOwn);
  const others = conditions.filter((entry) => !isOwn(entry));
  if (own.some((entry) => isRecord(entry) && Number(entry['observedGeneration'] ?? 0) > verdict.generation))
    return undefined;

  const taken = new Set(others.map((entry) => (isRecord(entry) ? entry['type'] : undefined)));
  const domain = controller.split('/')[0] ?? controller;
  const next = stated(verdict).map(({ type, isTrue, reason, message }): Condition => {
    const name = taken.has(type) ? `${domain}/${type}` : type;
    const before = own.find((entry) => isRecord(entry) && entry['type'] === name);
    const status = isTrue ? 'True' : 'False';
    const isSame = isRecord(before) && before['status'] === status;
    return {
      type: name,
      status,
      reason,
      message: cut(`${controller}: ${message}`),
      observedGeneration: verdict.generation,
      lastTransitionTime: (isSame ? textOf(before['lastTransitionTime']) : undefined) ?? now,
    };
  });
  return isEqual(own, next) ? undefined : [...others, ...next];
}

function stated({ accepted, resolved, programmed, message, reasons }: Verdict): {
  type: string;
  isTrue: boolean;
  reason: string;
  message: string;
}[] {
  return [
    {
      type: 'Accepted',
      isTrue: accepted,
      reason: accepted ? 'Accepted' : (reasons?.accepted ?? 'Invalid'),
      message: accepted ? 'the route is valid' : message,
    },
    {
      type: 'ResolvedRefs',
      isTrue: resolved,
      reason: resolved ? 'ResolvedRefs' : (reasons?.resolved ?? 'BackendNotFound'),
      message: resolved ? 'all references are resolved' : message,
    },
    {
      type: 'Programmed',
      isTrue: programmed,
      reason: programmed ? 'Programmed' : (reasons?.programmed ?? 'Invalid'),
      message: programmed ? 'the route is served' : message,
    },
  ];
}

function cut(message: string): string {
  return message.length <= maxMessageChars ? message : `${message.slice(0, maxMessageChars - 1)}…`;
}

function isEqual(own: readonly unknown[], next: readonly Condition[]): boolean {
  return (
    own.length === next.length &&
    next.every((wanted) =>
      own.some(
        (entry) =>
          isRecord(entry) &&
          entry['type'] === wanted.type &&
          entry['status'] === wanted.status &&
          entry['reason'] === wanted.reason &&
          entry['message'] === wanted.message &&
          entry['observedGeneration'] === wanted.observedGeneration,
      ),
    )
  );
}
