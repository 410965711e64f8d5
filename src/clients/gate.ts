/**
 * What a message is about, and whether its caller may use it. One function decides for calls, before they are sent, and for lists,
 * after their cache, so that one cached list serves callers with different rights. A hidden or denied item gives exactly the
 * answer of an item that does not exist.
 */
import { decide } from '../aggregate/selectors.ts';
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { textOf, type Found } from '../protocol/scan.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { ListKind } from '../aggregate/page.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

export type SubjectKind = 'tool' | 'prompt' | 'resource' | 'task' | 'method';

export interface Subject {
  readonly kind: SubjectKind;
  readonly upstream: Upstream;
  /** The upstream's own name, URI or task id; the method if the message names no item. */
  readonly name: string;
  /** The method of the message, such as `tools/call` or `completion/complete`. */
  readonly method: string;
}

export interface Gate {
  /** Whether the decision may differ from caller to caller. */
  readonly dependsOnCaller: boolean;
  /** Whether sessions of the caller include this upstream at all. */
  reaches(caller: Caller, upstream: Upstream): boolean;
  /** Whether the caller's list contains an entry of an upstream's list. `name` is the upstream's own. */
  shows(caller: Caller, list: ListKind, upstream: Upstream, name: string): boolean;
  /** Why the caller may not use what its message is about; undefined if it may. */
  refusal(caller: Caller, subject: Subject, message: Message): GatewayError | undefined;
}

/** The decision of the configured selectors, which is identical for every caller. */
export function isSelected({ kind, upstream: { config }, name }: Subject): boolean {
  switch (kind) {
    case 'tool':
    case 'prompt':
    case 'resource':
      return decide(config, kind, name);
    // The kind is unknown, so the name must not be hidden as either kind.
    case 'method':
      return decide(config, 'tool', name) && decide(config, 'prompt', name);
    case 'task':
      return true;
  }
}

/** A gate with the selectors only. Lists are already filtered by them when they are loaded. */
export const selectors: Gate = {
  dependsOnCaller: false,
  reaches: () => true,
  shows: () => true,
  refusal: (_caller, subject, message) =>
    isSelected(subject) ? undefined : unknownFault(subject, message, 'not allowed'),
};

/** The error for an item that does not exist for its caller. It names the item as the client wrote it. */
export function unknownFault({ kind }: Pick<Subject, 'kind'>, message: Message, detail?: string): GatewayError {
  const { params, bytes } = message;
  const ref = params?.member('ref');
  const written = (found: Found | undefined): string => (found?.kind === 'string' ? textOf(bytes, found) : '');
  const name = written(params?.member('name') ?? ref?.member('name'));
  switch (kind) {
    case 'tool':
      return new GatewayError('tool_unknown', detail, { data: { tool: name } });
    case 'prompt':
      return new GatewayError('prompt_unknown', detail, { data: { prompt: name } });
    case 'resource':
      return new GatewayError('resource_unknown', detail, {
        data: { uri: written(params?.member('uri') ?? ref?.member('uri')) },
      });
    case 'task':
      return new GatewayError('task_unknown', detail);
    case 'method':
      return new GatewayError('method_unknown', detail ?? message.method);
  }
}
