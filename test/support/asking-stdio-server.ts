/** The asking tools of the session era as a program: `node test/support/asking-stdio-server.ts` speaks over its pipes. */
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { askingToolNames } from './asking-tools.ts';
import { fixtureServer, freshState } from './fixture-server.ts';

const { server } = fixtureServer({ name: 'asking', tools: askingToolNames }, freshState());
await server.connect(new StdioServerTransport());
