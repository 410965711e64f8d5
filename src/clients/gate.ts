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
import type { Upstream } from '../transport/upstream/upstream.ts';

export type SubjectKind = 'tool' | 'prompt' | 'resource' | 'task' | 'method';

export interface Subject {
  readonly kind: SubjectKind;
  readonly upstream: Upstream;
  /** The upstream's own name, URI or task id; that of the method where nothing else is named. */
  readonly name: string;
  /** The method of the message, such as `tools/call` or `completion/complete`. */
  readonly method: string;
}

export interface Gate {
  /** Whether the decision may differ from caller to caller. */
  readonly dependsOnCaller: boolean;
  allow(caller: Caller, subject: Subject): boolean;
}

/** The selectors of the configuration, which are the same for every caller. */
export const selectors: Gate = {
  dependsOnCaller: false,
  allow: (_caller, { kind, upstream: { config }, name }) => {
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
  },
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
