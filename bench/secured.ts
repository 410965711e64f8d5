/** A protected route for a target: access tokens of an issuer whose keys are at hand, and rules in front of its tool. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface SecuredRoute {
  /** `manifold.routes` of an mcpServers file with one server, `bench`. */
  readonly routes: object;
  /** Headers of each request. */
  readonly credential: readonly string[];
}

const issuer = 'https://as.bench.example.com';
const resource = 'https://gw.bench.example.com/mcp';
/** What the budget of a call speaks of. */
const ruleCount = 32;
/** Longer than any run. */
const validSeconds = 24 * 60 * 60;

/** `token`: whoever has one may call. `rules`: 32 of them are gone through, and the last lets the call pass. */
export async function securedRoute(asks: 'token' | 'rules'): Promise<SecuredRoute> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const key = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' };
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: issuer,
    sub: 'bench',
    aud: resource,
    client_id: 'bench-client',
    scope: 'tools:read tools:call',
    org: { team: 'red', roles: ['reader', 'caller'] },
    iat: now,
    exp: now + validSeconds,
  };
  const header = { alg: 'ES256', kid: 'bench', typ: 'at+jwt' };
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  const securityPolicy = {
    oauth: {
      issuer,
      jwks: { localJWKS: { inline: JSON.stringify({ keys: [key] }) } },
      protectedResourceMetadata: { resource, scopesSupported: ['tools:read', 'tools:call'] },
    },
    ...(asks === 'rules' && { authorization: { defaultAction: 'Deny', rules: rules() } }),
  };
  return {
    routes: { bench: { servers: ['bench'], securityPolicy } },
    credential: ['Authorization', `Bearer ${token}`],
  };
}

/** Each for another reason not about the call, but for the last, which has all that a rule can have. */
function rules(): object[] {
  const echo = { tools: [{ backend: 'bench', tool: 'echo' }] };
  const passedOver = [
    { source: { jwt: { scopes: ['tools:admin'] } }, target: echo },
    { source: { jwt: { claims: [{ name: 'org.team', values: ['blue', 'green'] }] } }, target: echo },
    {
      source: { jwt: { scopes: ['tools:read'], claims: [{ name: 'org.team', values: ['red'] }] } },
      target: { tools: [{ backend: 'bench', tool: 'other' }] },
    },
  ];
  const last = {
    source: {
      jwt: {
        scopes: ['tools:read', 'tools:call'],
        claims: [{ name: 'org.roles', valueType: 'StringArray', values: ['caller'] }],
      },
    },
    target: echo,
    cel: 'request.mcp.tool == "echo" && request.auth.jwt.claims.client_id == "bench-client"',
  };
  return [...Array.from({ length: ruleCount - 1 }, (_, at) => passedOver[at % passedOver.length]!), last];
}
