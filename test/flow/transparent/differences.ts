/** All that a client sees of a gateway with one upstream and would not see of the upstream itself: docs/compatibility.md has the reasons. */
import type { Json } from './peers.ts';

export interface Difference {
  /** As in the table of docs/compatibility.md. */
  readonly what: string;
  /** The cells where it shows. */
  readonly cells: readonly string[];
  /** What was seen, without what differs. */
  readonly without: (seen: unknown) => unknown;
}

const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
const serverInfo = 'io.modelcontextprotocol/serverInfo';

/** The code alone. */
const codeOf = (seen: unknown): unknown => ((seen as Json)['error'] as Json)['code'];

/** But for who answers, which is said in every result of 2026-07-28. */
function withoutMeta(seen: unknown): unknown {
  const { beside, ...rest } = seen as { beside: { _meta?: Json } };
  const { _meta: meta, ...others } = beside;
  return { ...rest, beside: others, who: meta?.[serverInfo] };
}

const inBoth: readonly Difference[] = [
  { what: '`_meta` of a list', cells: lists, without: withoutMeta },
  { what: 'the pages of a list', cells: ['items on the first page'], without: () => undefined },
  { what: 'the words of errors that the gateway finds', cells: ['a call without a name'], without: codeOf },
];

export const ofSessions: readonly Difference[] = [
  ...inBoth,
  {
    what: 'the words of errors that the gateway finds',
    cells: ['a cursor that nobody gave', 'a log level that there is not', 'a task that nobody has'],
    without: codeOf,
  },
  { what: 'the result of `logging/setLevel`', cells: ['a log level'], without: (seen) => Object.keys(seen as Json) },
  { what: '`tasks/list`', cells: ['the list of tasks'], without: () => undefined },
];

export const ofRequests: readonly Difference[] = [
  ...inBoth,
  {
    what: 'errors −32099 to −32000 in 2026-07-28',
    cells: ['an error with data'],
    without: (seen) => {
      const { code, message, data } = (seen as { error: Json }).error;
      return code === -32_603 ? { ...(data as Json), message } : { code, message, data };
    },
  },
  {
    what: 'HTTP 404 of an unknown method in 2026-07-28',
    cells: ['a method that nobody has'],
    without: (seen) => {
      const { code, message, data } = (seen as { error: { code: unknown; message: string; data?: Json } }).error;
      if (data?.['status'] !== 404) return { code, message, data };
      return (JSON.parse(String(data['text'])) as { error: Json }).error;
    },
  },
  {
    what: 'client capabilities that the gateway does not know, in 2026-07-28',
    cells: ['what a server knows of its client'],
    without: (seen) =>
      JSON.parse(
        JSON.stringify(seen, (key, value: unknown) =>
          ['experimental', 'extensions', 'listChanged'].includes(key) ? undefined : value,
        ),
      ),
  },
];

export const differences: readonly Difference[] = [...ofSessions, ...ofRequests];
