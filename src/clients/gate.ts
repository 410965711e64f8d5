/**
 * What a message is about, and whether its caller may have it: one function for calls, asked in front of them, and for lists,
 * asked behind their cache, so that one kept list serves callers of different rights. A thing that is hidden or denied answers
 * exactly as a thing that never was.
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
  /** Whether what it says of a subject may differ from caller to caller. */
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
      // Nothing is known of what it names, so it must not be what is hidden under either kind.
      case 'method':
        return decide(config, 'tool', name) && decide(config, 'prompt', name);
      case 'task':
        return true;
    }
  },
};

/** The answer to a message about a thing that is not there for its caller; names it as the client wrote it. */
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
