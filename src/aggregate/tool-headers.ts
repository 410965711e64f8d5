/**
 * The tools of a page that need arguments in headers too, and those with invalid annotations, which are hidden (2026-07-28
 * basic/transports/streamable-http §Custom Headers from Tool Parameters).
 */
import { itemsInSteps, readListPlaces, type ListPlaces } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import { maxItemsPerList, maxSchemaBytes } from './page.ts';
import { annotations, type ParamHeader } from './param-headers.ts';
import { inOneGo } from './steps.ts';

export interface ToolHeaders {
  /** Keyed by the upstream's own names; tools without such headers have an empty list. */
  readonly wanted: ReadonlyMap<string, readonly ParamHeader[]>;
  /** Names of tools that must not be shown. */
  readonly illegal: ReadonlySet<string>;
}

/** Maximum size of the annotated schemas of one page that are read, as JSON text in bytes: further tools are not shown. */
const maxParsedBytes = 2 * 1024 * 1024;

/**
 * `reply` is the whole response to `tools/list`; if a name occurs twice, the first is used. A reply that is not a list has no
 * tools.
 */
export function readToolHeaders(reply: Buffer): ToolHeaders {
  return inOneGo(toolHeaderSteps(reply));
}

/** The same in steps, none of which takes long. */
export function* toolHeaderSteps(reply: Buffer): Generator<undefined, ToolHeaders> {
  const wanted = new Map<string, readonly ParamHeader[]>();
  const illegal = new Set<string>();
  let parsedBytes = 0;
  for (const item of itemsInSteps(reply, placesOf(reply))) {
    if (item === undefined) {
      yield;
      continue;
    }
    const { bytes, found } = item;
    const key = found?.member('name');
    if (key?.kind !== 'string') continue;
    const name = textOf(bytes, key);
    if (wanted.has(name) || illegal.has(name)) continue;
    const schema = found?.member('inputSchema');
    const part = schema === undefined ? undefined : bytes.subarray(schema.start, schema.end);
    if (part === undefined || !mayAnnotate(part)) {
      wanted.set(name, none);
      continue;
    }
    const isRead = part.length <= maxSchemaBytes && parsedBytes + part.length <= maxParsedBytes;
    if (isRead) parsedBytes += part.length;
    const read = isRead ? annotations(JSON.parse(part.toString())) : undefined;
    if (read?.ok === true) wanted.set(name, read.headers);
    else illegal.add(name);
  }
  return { wanted, illegal };
}

function placesOf(reply: Buffer): ListPlaces['places'] {
  try {
    return readListPlaces(reply, 'tools', maxItemsPerList).places;
  } catch {
    return [];
  }
}

const none: readonly ParamHeader[] = [];

/** A key may be written with escapes. */
function mayAnnotate(schema: Buffer): boolean {
  return schema.includes('"x-mcp-header"') || schema.includes('\\u00');
}
