/** Which tools of a page want arguments in headers as well, and which ask for it in a way that hides them (protocol.md B3). */
import { annotations, type ParamHeader } from './param-headers.ts';

export interface ToolHeaders {
  /** By the upstream's own names; tools that want none have an empty list. */
  readonly wanted: ReadonlyMap<string, readonly ParamHeader[]>;
  /** Names of tools that must not be shown. */
  readonly illegal: ReadonlySet<string>;
}

/** `reply` is the whole response to `tools/list`, known to be JSON. */
export function readToolHeaders(reply: Buffer): ToolHeaders {
  const wanted = new Map<string, readonly ParamHeader[]>();
  const illegal = new Set<string>();
  for (const { name, inputSchema } of toolsIn(JSON.parse(reply.toString()))) {
    const read = annotations(inputSchema);
    if (read.ok) wanted.set(name, read.headers);
    else illegal.add(name);
  }
  return { wanted, illegal };
}

function toolsIn(reply: unknown): { name: string; inputSchema: unknown }[] {
  const tools = member(member(reply, 'result'), 'tools');
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool: unknown) => {
    const name = member(tool, 'name');
    return typeof name === 'string' ? [{ name, inputSchema: member(tool, 'inputSchema') }] : [];
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
