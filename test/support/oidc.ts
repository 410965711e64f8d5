/**
 * A real authorization server (oidc-provider) on a port of its own: JWT or opaque access tokens for resources, keys that rotate,
 * introspection, token exchange. It can be taken down and brought back, and tells what it was asked.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose';
import { errors, Provider, type ClientMetadata, type TokenEndpointGrantContext } from 'oidc-provider';

export interface AuthorizationServer {
  readonly issuer: string;
  /** Path of every request, in order. */
  readonly asked: string[];
  /** An access token by client credentials; the subject is the client. */
  token(request?: { client?: string; resource?: string; scope?: string }): Promise<string>;
  /** Any claims, signed with the key of the moment: what an issuer should not issue. */
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** New keys. The old ones are published no longer unless `keeps`. */
  rotate(options?: { keeps?: boolean }): Promise<void>;
  /** Requests are broken off until `up`. */
  down(): void;
  up(): void;
  /** What is asked for at `path` is answered by a text instead; undefined ends that. */
  say(path: string, body: string | undefined): void;
  close(): Promise<void>;
}

export const clientSecret = 'a-secret-of-the-tests-only';
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const assertionGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const idJag = 'urn:ietf:params:oauth:token-type:id-jag';

export interface Served {
  readonly format?: 'jwt' | 'opaque';
  /** Seconds. */
  readonly ttl?: number;
  /** Below the origin: `/realms/one`. Default none. */
  readonly path?: string;
  readonly clients?: readonly string[];
  /** A further client that proves itself by a signature. */
  readonly keyed?: { readonly clientId: string; readonly key: JWK };
  /** An issuer whose assertions (ID-JAG) it gives tokens for. */
  readonly trusts?: string;
}

export async function authorizationServer(served: Served = {}): Promise<AuthorizationServer> {
  const asked: string[] = [];
  const said = new Map<string, string>();
  let isDown = false;
  let keys = [await newKey()];
  let provider: Provider;
  const server = createServer((request, response) => {
    const path = request.url!.split('?', 1)[0]!;
    asked.push(path);
    if (isDown) {
      request.socket.destroy();
      return;
    }
    const body = said.get(path);
    if (body !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      return;
    }
    const prefix = served.path ?? '';
    if (prefix !== '' && path.startsWith(prefix)) request.url = request.url!.slice(prefix.length);
    void provider.callback()(request, response);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}${served.path ?? ''}`;
  provider = providerOf(issuer, keys, served);

  return {
    issuer,
    asked,
    async token({ client = 'alice', resource = 'https://gw.example.com/mcp', scope = 'read' } = {}) {
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${client}:${clientSecret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
      });
      const said = (await answer.json()) as { access_token?: string; error_description?: string };
      const { access_token: token } = said;
      if (token === undefined) throw new Error(`no token: ${JSON.stringify(said)}`);
      return token;
    },
    async sign(claims, header = {}) {
      const key = keys[0]!;
      const protectedHeader = { alg: 'ES256', kid: key.kid!, typ: 'at+jwt', ...header };
      return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(await importJWK(key, 'ES256'));
    },
    async rotate({ keeps = false } = {}) {
      keys = [await newKey(), ...(keeps ? keys : [])];
      provider = providerOf(issuer, keys, served);
    },
    down: () => (isDown = true),
    up: () => (isDown = false),
    say: (path, body) => (body === undefined ? said.delete(path) : said.set(path, body)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: randomUUID() };
}

function clientOf(clientId: string): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials', exchangeGrant, assertionGrant],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
  };
}

function keyedClient({ clientId, key }: NonNullable<Served['keyed']>): ClientMetadata {
  const { client_secret: _secret, ...client } = clientOf(clientId);
  return { ...client, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } };
}

function providerOf(
  issuer: string,
  keys: readonly JWK[],
  { format = 'jwt', ttl = 600, clients, keyed, trusts = '' }: Served,
): Provider {
  const provider = new Provider(issuer, {
    clients: [
      ...(clients ?? ['alice', 'bob', 'gateway']).map(clientOf),
      ...(keyed === undefined ? [] : [keyedClient(keyed)]),
    ],
    jwks: { keys: [...keys] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    ttl: { ClientCredentials: ttl, AccessToken: ttl },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'read write files:write',
          audience: resource,
          accessTokenFormat: format,
          ...(format === 'jwt' ? { jwt: { sign: { alg: 'ES256' as const } } } : {}),
        }),
      },
    },
  });
  provider.registerGrantType(exchangeGrant, exchange(keys), [
    'subject_token',
    'subject_token_type',
    'scope',
    'resource',
    'audience',
    'requested_token_type',
  ]);
  provider.registerGrantType(assertionGrant, fromAssertion(trusts), ['assertion', 'scope']);
  return provider;
}

interface ExchangeParameters extends Record<string, unknown> {
  readonly subject_token: string;
  readonly scope?: string;
  readonly resource: string;
  readonly audience?: string;
  readonly requested_token_type?: string;
}

/** RFC 8693 as far as the tests need it: a token of this issuer → one for the same subject and another resource. */
function exchange(keys: readonly JWK[]) {
  return async (ctx: TokenEndpointGrantContext<ExchangeParameters>): Promise<void> => {
    const { provider, client, params } = ctx.oidc;
    const { payload } = await jwtVerify(
      params.subject_token,
      createLocalJWKSet({ keys: keys.map(({ d: _private, ...key }) => key) }),
    ).catch(() => {
      throw new errors.InvalidGrant('the subject token does not hold');
    });
    if (params.requested_token_type === idJag) {
      const { audience, resource, scope } = params;
      const assertion = new SignJWT({ client_id: client.clientId, resource, ...(scope !== undefined && { scope }) })
        .setProtectedHeader({ alg: 'ES256', kid: keys[0]!.kid!, typ: 'oauth-id-jag+jwt' })
        .setIssuer(provider.issuer)
        .setSubject(payload.sub!)
        .setAudience(audience!)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('5m');
      ctx.body = {
        access_token: await assertion.sign(await importJWK(keys[0]!, 'ES256')),
        issued_token_type: idJag,
        token_type: 'N_A',
        expires_in: 300,
      };
      return;
    }
    const token = tokenFor(ctx, payload.sub!, params.resource, params.scope);
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: token.expiration,
    };
  };
}

/** RFC 7523 §2.1 for an ID-JAG of another issuer: a token for what the assertion names. */
function fromAssertion(trusted: string) {
  return async (ctx: TokenEndpointGrantContext<{ readonly assertion: string }>): Promise<void> => {
    const { provider, params } = ctx.oidc;
    const { payload } = await jwtVerify(params.assertion, createRemoteJWKSet(new URL(`${trusted}/jwks`)), {
      issuer: trusted,
      audience: provider.issuer,
      typ: 'oauth-id-jag+jwt',
    }).catch(() => {
      throw new errors.InvalidGrant('the assertion does not hold');
    });
    const { sub, resource, scope } = payload as { sub: string; resource: string; scope?: string };
    const token = tokenFor(ctx, sub, resource, scope);
    ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: token.expiration };
  };
}

function tokenFor(
  { oidc: { provider, client } }: Pick<TokenEndpointGrantContext, 'oidc'>,
  accountId: string,
  resource: string,
  scope: string | undefined,
): InstanceType<Provider['AccessToken']> {
  return new provider.AccessToken({
    client,
    accountId,
    grantId: 'exchanged',
    gty: 'token-exchange',
    scope,
    resourceServer: new provider.ResourceServer(resource, {
      scope: 'read write files:write',
      audience: resource,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'ES256' } },
    }),
  });
}
