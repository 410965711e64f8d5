/** A process is not ready while it could not judge a token: the keys of its issuers come first, by the real command. */
import { afterEach, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { initializeText, posting, send } from '../../support/plain-client.ts';
import { oauthOf, startProtected } from '../../support/protected.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer;
afterEach(() => as.close());

test.each(['1', '2'])(
  'with %s process(es): ready when the keys have come, and from then on',
  async (workers) => {
    as = await authorizationServer();
    as.down();
    const upstream = await startStatefulServer({ name: 'one', tools: ['echo'] });
    const { url, adminUrl } = await startProtected(
      {
        backends: { one: { url: upstream.url } },
        securityPolicy: (resource) => ({ oauth: oauthOf(as.issuer, resource) }),
      },
      ['--workers', workers],
    );
    const readyz = async (): Promise<readonly [number, string]> => {
      const answer = await fetch(`${adminUrl}/readyz`);
      return [answer.status, await answer.text()];
    };
    expect(await readyz()).toEqual([
      503,
      'not ready: the keys for the tokens of route default/protected have not come\n',
    ]);
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
    as.up();
    // After a failed fetch the issuer is left in peace for 10 s.
    await expect.poll(readyz, { timeout: 60_000 }).toEqual([200, 'ready\n']);
    const headers = posting('Authorization', `Bearer ${await as.token({ resource: url })}`);
    expect((await send(url, { headers, body: initializeText() })).status).toBe(200);
    as.down();
    expect((await readyz())[0]).toBe(200);
  },
  100_000,
);
