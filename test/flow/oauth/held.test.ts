/** A call that waits at another replica is answered there with the credential of its client, also where that stands in the query. */
import { expect, test } from 'vitest';
import { askingToolNames } from '../../support/asking-tools.ts';
import { askModern, type Asked } from '../../support/modern-client.ts';
import { startProtected, type ProtectedGateway } from '../../support/protected.ts';
import { makeKeysFile } from '../../support/replicas.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

function call({ url }: ProtectedGateway, key: string, more: object = {}): Promise<Asked> {
  return askModern(`${url}?key=${key}`, 'tools/call', {
    capabilities: { elicitation: { form: {} } },
    params: { name: 'one__ask_elicitation', arguments: {}, ...more },
  });
}

test('an API key in the query goes along, and that of another client opens nothing', async () => {
  const upstream = await startStatefulServer({ name: 'one', tools: askingToolNames });
  const keysFile = await makeKeysFile();
  const start = (): Promise<ProtectedGateway> =>
    startProtected(
      {
        backends: { one: { url: upstream.url } },
        securityPolicy: () => ({
          apiKeyAuth: { credentialRefs: [{ name: 'keys' }], extractFrom: [{ params: ['key'] }] },
        }),
        secrets: { keys: { alice: 'k-alice', bob: 'k-bob' } },
      },
      ['--session-keys', keysFile, '--peer-address', '127.0.0.1:0'],
    );
  const [holder, other] = [await start(), await start()];
  const { rpc } = await call(holder, 'k-alice');
  const answers = {
    requestState: rpc.result?.['requestState'],
    inputResponses: { q1: { action: 'accept', content: { name: 'Ada' } } },
  };
  expect((await call(other, 'k-bob', answers)).rpc.error?.code).toBe(-32_602);
  expect((await call(other, 'k-mallory', answers)).status).toBe(401);
  expect(JSON.stringify((await call(other, 'k-alice', answers)).rpc.result)).toContain('Ada');
});
