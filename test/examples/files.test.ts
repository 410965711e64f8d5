/** The files in examples/ work as they are, from the checkout: they start what they need. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { sdkClient } from '../support/sdk-client.ts';

for (const name of ['mcp.json', 'claude.json', 'cursor.json', 'vscode.json']) {
  test(`examples/${name} serves both of its servers`, { timeout: 120_000 }, async () => {
    const file = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    // npx is slow on a busy machine.
    const gateway = await startGateway({ args: [file, '--strict', '--init-timeout', '1m'], admin: false });
    const { client, close } = await sdkClient(gateway.url);
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    expect(names).toEqual(expect.arrayContaining(['everything__echo', 'notes__add_note']));
    const note = { title: 'One', text: 'first' };
    const added = await client.callTool({ name: 'notes__add_note', arguments: note });
    expect(added).toMatchObject({ structuredContent: note });
    await close();
    await gateway.kill();
  });
}
