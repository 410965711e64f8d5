/**
 * The four lists of a server (2025-11-25 server/tools, server/prompts, server/resources): the method that requests each, the
 * member that contains its items, and the member that names an item.
 */
import type { Selectable } from './selectors.ts';

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

interface KindEntry {
  readonly method: string;
  readonly member: ListKind;
  readonly key: 'name' | 'uri' | 'uriTemplate';
  readonly subject: Selectable;
}

const kinds: Readonly<Record<ListKind, KindEntry>> = {
  tools: { method: 'tools/list', member: 'tools', key: 'name', subject: 'tool' },
  prompts: { method: 'prompts/list', member: 'prompts', key: 'name', subject: 'prompt' },
  resources: { method: 'resources/list', member: 'resources', key: 'uri', subject: 'resource' },
  resourceTemplates: {
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    key: 'uriTemplate',
    subject: 'resource',
  },
};

export function methodOf(kind: ListKind): string {
  return kinds[kind].method;
}

/** The member of the result that contains the items. */
export function memberOf(kind: ListKind): ListKind {
  return kinds[kind].member;
}

/** The member that names an item, unique in one upstream's list. */
export function keyOf(kind: ListKind): 'name' | 'uri' | 'uriTemplate' {
  return kinds[kind].key;
}

export function subjectOf(kind: ListKind): Selectable {
  return kinds[kind].subject;
}
