/** What the suite's json-schema-2020-12 looks for under a bare name is looked for here under the name that clients see. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import contact from '../../conformance/everything/contact.schema.json' with { type: 'json' };
import { startGateway } from '../support/gateway-process.ts';
import { loopbackUrls, startProgram } from '../support/program.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { startStatelessServer } from '../support/stateless-server.ts';

const everythingServer = fileURLToPath(new URL('../../conformance/everything-server.ts', import.meta.url));

test('a schema of JSON Schema 2020-12 reaches the client with every keyword (2025-11-25 tools, "Data Types")', async () => {
  const server = await startProgram([everythingServer, '--port', '0'], {
    ready: (stdout) => loopbackUrls(stdout)[0]?.href,
  });
  closedAtTheEnd(async () => void (await server.stop()));
  const other = await startStatelessServer({ name: 'other' });
  const config = { mcpServers: { everything: { url: server.ready }, other: { url: other.url } } };
  const { client } = await sdkClient((await startGateway({ config })).url);
  const { tools } = await client.listTools();
  const seen = tools.find(({ name }) => name === 'everything__json_schema_2020_12_tool')?.inputSchema ?? {};
  expect(seen).toEqual(contact);
  expect(Object.keys(seen).toSorted()).toEqual([
    '$defs',
    '$schema',
    'additionalProperties',
    'allOf',
    'else',
    'if',
    'properties',
    'then',
    'type',
  ]);
  expect(JSON.stringify(seen)).toContain('"$anchor":"addressDef"');
  expect(tools.some(({ name }) => name === 'other__echo')).toBe(true);
});
