/** A stdio server whose tool `log` logs one line and whose tool `hold` never answers: on one pipe, so that only order tells whose a line is. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer({ name: 'logging', version: '1' }, { capabilities: { logging: {} } });
server.registerTool('log', {}, async () => {
  await server.server.sendLoggingMessage({ level: 'warning', data: 'a line' });
  return { content: [{ type: 'text', text: 'logged' }] };
});
server.registerTool('hold', {}, () => new Promise(() => {}));
await server.connect(new StdioServerTransport());
