/** In scenarios in which the gateway has to log in at the suite's server: the grant that an operator would configure for that. */
import type { Login } from './clients.ts';

/** `manifold.backends.NAME.grant`; undefined where the server asks for no token. The issuer is looked up as an operator would. */
export async function grantFor(scenario: string, upstream: string, context: string): Promise<object | undefined> {
  if (!scenario.startsWith('auth/')) return undefined;
  const page = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', upstream));
  const { authorization_servers: [issuer] = [] } = (await page.json()) as { authorization_servers?: string[] };
  const { client_id: clientId, ...login } = JSON.parse(context) as Login;
  const proof =
    login.private_key_pem === undefined
      ? { clientSecret: login.client_secret }
      : { privateKey: login.private_key_pem, algorithm: login.signing_algorithm };
  return { clientCredentials: { issuer, clientId, ...proof, resource: upstream } };
}
