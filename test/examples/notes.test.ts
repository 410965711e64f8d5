import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { sdkClient } from '../support/sdk-client.ts';
import { closedAtTheEnd } from '../support/started.ts';

const program = fileURLToPath(new URL('../../examples/notes-server.ts', import.meta.url));

async function startNotes(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  closedAtTheEnd(async () => {
    child.kill();
    await exited;
  });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { url, child, exited };
}

test('the notes server prints its URL, keeps notes for all its clients and tells them of changes', async () => {
  const { url } = await startNotes([], { PORT: '0' });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  const { client } = await sdkClient(url);
  const { client: other } = await sdkClient(url);
  const listChanged = new Promise<void>((resolve) => {
    other.setNotificationHandler(ResourceListChangedNotificationSchema, () => resolve());
  });
  const updated = new Promise<string>((resolve) => {
    other.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => resolve(params.uri));
  });
  await other.subscribeResource({ uri: 'notes://index' });
  const added = await client.callTool({
    name: 'add_note',
    arguments: { title: 'Milk', text: 'Buy some', tags: ['shop'] },
  });
  expect(added.structuredContent).toEqual({ id: '2', title: 'Milk', text: 'Buy some', tags: ['shop'] });
  await listChanged;
  expect(await updated).toBe('notes://index');
  expect(await other.callTool({ name: 'search_notes', arguments: { query: 'SHOP' } })).toMatchObject({
    content: [{ text: '2. Milk: Buy some' }],
  });
  expect((await other.listResources()).resources.map((resource) => resource.uri)).toEqual([
    'notes://index',
    'notes://note/1',
    'notes://note/2',
  ]);
  expect(await other.readResource({ uri: 'notes://note/2' })).toMatchObject({
    contents: [{ text: '# Milk\n\nBuy some\n' }],
  });
  expect((await other.listResourceTemplates()).resourceTemplates.map((template) => template.uriTemplate)).toEqual([
    'notes://note/{id}',
  ]);
  const prompt = await other.getPrompt({ name: 'summarize_notes', arguments: { about: 'milk' } });
  expect(JSON.stringify(prompt)).toContain('Buy some');
  expect(await client.callTool({ name: 'delete_note', arguments: { id: '2' } })).not.toHaveProperty('isError');
  expect(await client.callTool({ name: 'delete_note', arguments: { id: '2' } })).toMatchObject({ isError: true });
});

test('the notes server answers 404 to a session it does not know, and ends with its input when told to', async () => {
  const { url, child, exited } = await startNotes(['--port', '0', '--until-stdin-ends']);
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': 'gone',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  expect(response.status).toBe(404);
  child.stdin.end();
  expect((await exited)[0]).toBe(0);
});
