/** Tools that answer at once: one for each kind of content, one failure, and two whose schemas must survive every list. */
import type { McpServer } from '@modelcontextprotocol/server';
import { fromJsonSchema } from '@modelcontextprotocol/server';
// Every keyword in it is one that a careless relay drops (2025-11-25 tools: `inputSchema` is full JSON Schema 2020-12).
import contact from './contact.schema.json' with { type: 'json' };
import { redPixel, silence } from './samples.ts';

export function offerContentTools(server: McpServer): void {
  const image = { type: 'image' as const, data: redPixel, mimeType: 'image/png' };
  server.registerTool('test_simple_text', { description: 'Answers one text' }, () => ({
    content: [{ type: 'text', text: 'This is a simple text response for testing.' }],
  }));
  server.registerTool('test_image_content', { description: 'Answers an image' }, () => ({ content: [image] }));
  server.registerTool('test_audio_content', { description: 'Answers a sound' }, () => ({
    content: [{ type: 'audio', data: silence, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', { description: 'Answers an embedded resource' }, () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }));
  server.registerTool('test_multiple_content_types', { description: 'Answers text, image and resource' }, () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: JSON.stringify({ test: 'data', value: 123 }),
        },
      },
    ],
  }));
  server.registerTool('test_error_handling', { description: 'Always fails' }, () => {
    // The SDK turns what a tool throws into a result with `isError`.
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(contact) },
    (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }),
  );
  server.registerTool(
    'test_x_mcp_header',
    { description: 'Has its region mirrored into a header', inputSchema: fromJsonSchema(mirrored) },
    (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }),
  );
}

/* 2026-07-28 Streamable HTTP, "Custom headers from tool parameters": the argument also travels as `Mcp-Param-Region`. */
const mirrored = {
  type: 'object',
  properties: {
    region: { type: 'string', description: 'Where to ask', 'x-mcp-header': 'Region' },
    query: { type: 'string', description: 'What to ask' },
  },
  required: ['region', 'query'],
} as const;
