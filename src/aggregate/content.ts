/**
 * Makes the resource URIs inside content outward: in embedded resources and resource links wherever content blocks occur, in tool
 * results inside sampling messages, and the resource of an MCP App. Text is never changed.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { compileShape, scan, textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import type { Edit } from '../protocol/splice.ts';
import { outwardUri, prefixedUri } from './uris.ts';

/** How content is written for one client. */
export interface Rendering {
  readonly upstream: UpstreamConfig;
  /** The URI of the resource that the client requested, as it wrote it. */
  readonly asked?: string | undefined;
  /** Revision 2025-03-26 has no `resource_link`: such blocks become text. */
  readonly linksAsText: boolean;
}

/** Adds the edits for one block, or for each of an array of blocks. */
export function editContent(bytes: Buffer, content: Found | undefined, rendering: Rendering, edits: Edit[]): void {
  if (content?.kind === 'object') editBlock(bytes, content, rendering, edits);
  else if (content?.kind === 'array') {
    for (let block = content.first; block !== undefined; block = block.next) editBlock(bytes, block, rendering, edits);
  }
}

/** Adds the edits for an array of messages with content each: prompts and sampling. */
export function editMessages(bytes: Buffer, messages: Found | undefined, rendering: Rendering, edits: Edit[]): void {
  if (messages?.kind !== 'array') return;
  for (let message = messages.first; message !== undefined; message = message.next) {
    editContent(bytes, message.member('content'), rendering, edits);
  }
}

/** Adds the edit for a URI of the upstream, if there is one. The resource in `asked` keeps the client's own URI. */
export function editUri(
  bytes: Buffer,
  uri: Found | undefined,
  upstream: UpstreamConfig,
  edits: Edit[],
  asked?: string,
): void {
  if (uri?.kind !== 'string') return;
  const inward = textOf(bytes, uri);
  const isAsked = asked !== undefined && (asked === inward || asked === prefixedUri(upstream.scheme, inward));
  const outward = isAsked ? asked : outwardUri(upstream, inward);
  if (outward !== inward) edits.push({ start: uri.start, end: uri.end, text: JSON.stringify(outward) });
}

const uiShape = compileShape({ members: { resourceUri: {} } });

/** MCP Apps: `_meta.ui.resourceUri`, and the flat key of its first drafts. Only the members of `meta` are captured. */
export function editAppMeta(bytes: Buffer, meta: Found | undefined, upstream: UpstreamConfig, edits: Edit[]): void {
  if (meta === undefined) return;
  editUri(bytes, meta.member('ui/resourceUri'), upstream, edits);
  const ui = meta.member('ui');
  if (ui?.kind !== 'object') return;
  const part = bytes.subarray(ui.start, ui.end);
  const found: Edit[] = [];
  editUri(part, scan(part, uiShape).member('resourceUri'), upstream, found);
  for (const { start, end, text } of found) edits.push({ start: start + ui.start, end: end + ui.start, text });
}

function editBlock(bytes: Buffer, block: Found, rendering: Rendering, edits: Edit[]): void {
  const uri = block.member('uri');
  if (uri?.kind === 'string' && isType(bytes, block, 'resource_link')) {
    if (rendering.linksAsText) {
      edits.push({ start: block.start, end: block.end, text: linkText(bytes, block, uri, rendering) });
      return;
    }
    editUri(bytes, uri, rendering.upstream, edits);
  }
  editUri(bytes, block.member('resource')?.member('uri'), rendering.upstream, edits);
  editContent(bytes, block.member('content'), rendering, edits);
}

function isType(bytes: Buffer, block: Found, type: string): boolean {
  const found = block.member('type');
  return found?.kind === 'string' && textOf(bytes, found) === type;
}

function linkText(bytes: Buffer, block: Found, uri: Found, { upstream }: Rendering): string {
  const outward = outwardUri(upstream, textOf(bytes, uri));
  const name = block.member('name');
  const text = name?.kind === 'string' ? `${textOf(bytes, name)}: ${outward}` : outward;
  return `{"type":"text","text":${JSON.stringify(text)}}`;
}
