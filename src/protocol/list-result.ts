/**
 * One page of a list as an upstream answered it (protocol.md A10): the items with what names them, and the cursor.
 */
import { invalid, readMessage } from './message.ts';
import { compileShape, textOf } from './scan.ts';
import type { Found, Shape } from './scan.ts';

export type ListMember = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

export interface ListResult {
  /** Objects all, each with the captured members that `item` below names. */
  readonly items: readonly Found[];
  readonly nextCursor: string | undefined;
  readonly root: Found;
}

const value: Shape = {};

const item: Shape = {
  members: {
    name: value,
    uri: value,
    uriTemplate: value,
    title: value,
    description: value,
    inputSchema: value,
    outputSchema: { members: { type: value } },
    execution: { members: { taskSupport: value }, each: value },
    // MCP Apps: the nested key, and the flat one of its first drafts.
    _meta: { members: { ui: { members: { resourceUri: value } }, 'ui/resourceUri': value } },
  },
};

const shapes = {
  tools: responseShape('tools'),
  prompts: responseShape('prompts'),
  resources: responseShape('resources'),
  resourceTemplates: responseShape('resourceTemplates'),
};

function responseShape(member: ListMember): ReturnType<typeof compileShape> {
  return compileShape({
    members: {
      jsonrpc: value,
      id: value,
      method: value,
      params: value,
      error: { members: { code: value, message: value } },
      result: { members: { [member]: { items: item }, nextCursor: value, ttlMs: value, cacheScope: value } },
    },
  });
}

/**
 * Reads a whole JSON-RPC response. Throws as `scan` does, and `message_invalid` when it is an error, has no such list, or
 * an item is no object. A `nextCursor` of null counts as none.
 */
export function readListResult(bytes: Buffer, member: ListMember): ListResult {
  const { root } = readMessage(bytes, shapes[member]);
  const result = root.member('result');
  const list = result?.member(member);
  if (list?.kind !== 'array') throw invalid(`no list of ${member}`);
  const items = list.items;
  if (items.some((each) => each.kind !== 'object')) throw invalid(`${member} holds no object`);
  const cursor = result?.member('nextCursor');
  if (cursor !== undefined && cursor.kind !== 'string' && cursor.kind !== 'null') {
    throw invalid('nextCursor is not a string');
  }
  return { items, nextCursor: cursor?.kind === 'string' ? textOf(bytes, cursor) : undefined, root };
}
