/** Tools that send something before their answer: log messages, progress, the close of their own stream, changed lists. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server';

/** Tells the clients that a list has changed, in the way of the server's era. */
export interface Announcements {
  toolsChanged(): void;
  promptsChanged(): void;
}

const stepMs = 50;
/* The client comes back after the `retry` of its stream, which is longer. */
const awayMs = 100;

export function offerStreamTools(server: McpServer, announcements: Announcements): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs three times' }, (context) =>
    logged(context, ['Tool execution started', 'Tool processing data', 'Tool execution completed']),
  );
  // Sends nothing to a client that has not asked for logs with `logLevel` (2026-07-28): the SDK sees to that.
  server.registerTool('test_logging_tool', { description: 'Logs to those who ask' }, (context) =>
    logged(context, ['Tool was called']),
  );
  server.registerTool('test_tool_with_progress', { description: 'Reports progress three times' }, reported);
  server.registerTool('test_reconnection', { description: 'Closes its stream before it answers' }, async (context) => {
    context.http?.closeSSE?.();
    await sleep(awayMs);
    return said('Reconnection test completed successfully.');
  });
  server.registerTool('test_trigger_tool_change', { description: 'Announces changed tools' }, () => {
    announcements.toolsChanged();
    return said('Announced.');
  });
  server.registerTool('test_trigger_prompt_change', { description: 'Announces changed prompts' }, () => {
    announcements.promptsChanged();
    return said('Announced.');
  });
}

async function logged(context: ServerContext, lines: readonly string[]): Promise<CallToolResult> {
  for (const [index, line] of lines.entries()) {
    if (index > 0) await sleep(stepMs, undefined, { signal: context.mcpReq.signal });
    await context.mcpReq.log('info', line);
  }
  return said('Tool with logging executed successfully.');
}

async function reported(context: ServerContext): Promise<CallToolResult> {
  const progressToken = context.mcpReq._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progress > 0) await sleep(stepMs, undefined, { signal: context.mcpReq.signal });
    if (progressToken === undefined) continue;
    await context.mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress, total: 100, message: `Completed ${progress} of 100` },
    });
  }
  return said('Tool with progress executed successfully.');
}

function said(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}
