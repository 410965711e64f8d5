/** What a tool of the session era's servers is made of: what it is listed as, and what it does when it is called. */
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  LoggingLevel,
  ServerNotification,
  ServerRequest,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';

/** What a tool may reach beyond its arguments. */
export interface Surroundings {
  readonly extra: RequestHandlerExtra<ServerRequest, ServerNotification>;
  /** Counts up within one session, from 1. */
  count(): number;
  /** Adds or removes the tool `toggled` and tells every session. Gives whether it is there. */
  toggle(): Promise<boolean>;
  /** Tells the sessions that have subscribed to `uri`. Gives how many. */
  touch(uri: string): Promise<number>;
  /** Notes that a call was cancelled. */
  cancelled(tool: string): void;
  /** Whether the session's client wants log messages of this level: all until it has set one. */
  logs(level: LoggingLevel): boolean;
  /** URLs that a tool has demanded, which it takes for visited from then on. */
  readonly visited: Set<string>;
}

export interface OfferedTool {
  readonly tool: Tool;
  run(args: Record<string, unknown>, at: Surroundings): CallToolResult | Promise<CallToolResult>;
}

/** A tool with the arguments of `shape`. Its call throws `Invalid params` when they do not fit. */
export function offered(description: string, shape: z.ZodRawShape, run: OfferedTool['run']): OfferedTool {
  const schema = z.looseObject(shape);
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' }) as { properties?: Record<string, object> };
  return {
    tool: { name: '', description, inputSchema: { type: 'object', properties } },
    run: (args, at) => {
      const parsed = schema.safeParse(args);
      if (!parsed.success) throw new McpError(ErrorCode.InvalidParams, parsed.error.message);
      return run(parsed.data, at);
    },
  };
}

export function text(value: string): { content: CallToolResult['content'] } {
  return { content: [{ type: 'text', text: value }] };
}
