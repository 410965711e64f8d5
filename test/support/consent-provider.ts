/** A real authorization server (oidc-provider) at which users log in and consent at once, as the one that is asked for. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider, type ClientMetadata } from 'oidc-provider';
import { closedAtTheEnd } from './started.ts';

export interface ConsentProviderOptions {
  readonly clients?: readonly ClientMetadata[];
  /** Whether clients may register themselves. */
  readonly registers?: boolean;
  /** Life of access tokens in seconds. */
  readonly ttl?: number;
  /** Where a document is fetched from that a `client_id` leads to; without it clients are known by registration alone. */
  readonly documents?: (clientId: string) => string;
  /** Changes what the metadata says. */
  readonly metadata?: (document: Record<string, unknown>) => Record<string, unknown>;
}

export interface ConsentProvider {
  readonly issuer: string;
  /** `METHOD path`, in order; of the token endpoint with the grant. */
  readonly asked: string[];
  /** Who logs in next. */
  account: string;
  /** Takes all grants back. */
  revoke(): void;
  /** The account and audience that a token is for; undefined for one that does not hold. */
  holder(token: string): Promise<{ readonly account: string; readonly audience: unknown } | undefined>;
}

export async function startConsentProvider(options: ConsentProviderOptions = {}): Promise<ConsentProvider> {
  const { clients = [], registers = false, ttl = 600, metadata = (document) => document, documents } = options;
  const asked: string[] = [];
  let provider: Provider;
  const server = createServer((incoming, response) => {
    const path = incoming.url!.split('?', 1)[0]!;
    asked.push(`${incoming.method} ${path}`);
    if (path.startsWith('/.well-known/')) {
      void described(provider).then((document) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata(document))),
      );
      return;
    }
    if (path.startsWith('/interaction/')) {
      void provider.interactionFinished(incoming, response, { login: { accountId: self.account } });
      return;
    }
    void provider.callback()(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const make = (): Provider => {
    const made: Provider = new Provider(issuer, {
      clients: [...clients],
      findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
      interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
      loadExistingGrant: async (ctx) => {
        const { client, session, params } = ctx.oidc;
        const grant = new made.Grant({ clientId: client!.clientId, accountId: session!.accountId! });
        grant.addOIDCScope('openid offline_access');
        if (typeof params?.['resource'] === 'string') grant.addResourceScope(params['resource'], 'read write');
        await grant.save();
        return grant;
      },
      issueRefreshToken: async () => true,
      rotateRefreshToken: true,
      clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
      ...(documents !== undefined && {
        // Its own way out refuses this machine.
        fetch: (input: string | URL | Request, { method, headers }: RequestInit = {}) => {
          const url = input instanceof Request ? input.url : input.toString();
          asked.push(`document ${url}`);
          return fetch(documents(url), { ...(method && { method }), ...(headers && { headers }) });
        },
      }),
      ttl: { AccessToken: ttl, Session: 600, Grant: 600, Interaction: 600, RefreshToken: 600 },
      features: {
        devInteractions: { enabled: false },
        registration: { enabled: registers },
        ...(documents !== undefined && { clientIdMetadataDocument: { enabled: true, ack: 'draft-02' } }),
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_ctx, resource) => ({
            scope: 'read write',
            audience: resource,
            accessTokenFormat: 'opaque',
          }),
        },
      },
    });
    return made;
  };
  provider = make();
  const self: ConsentProvider = {
    issuer,
    asked,
    account: 'alice',
    revoke: () => (provider = make()),
    async holder(token) {
      const found = await provider.AccessToken.find(token);
      return found === undefined ? undefined : { account: found.accountId, audience: found.aud };
    },
  };
  return self;
}

/** What the provider says of itself, as over HTTP. */
async function described(provider: Provider): Promise<Record<string, unknown>> {
  const handler = provider.callback();
  const inner = createServer((incoming, response) => void handler(incoming, response)).listen(0, '127.0.0.1');
  await once(inner, 'listening');
  const { port } = inner.address() as AddressInfo;
  // `fetch` sends no Host but its own.
  const headers = { host: new URL(provider.issuer).host };
  const asked = request({ port, host: '127.0.0.1', path: '/.well-known/openid-configuration', headers }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  inner.close();
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
}

/**
 * A browser with a jar of cookies: follows redirects and gives the last page. Stops before `stopAt`. `found`: where on this machine an
 * origin is.
 */
export async function browse(
  url: string,
  jar: Map<string, string> = new Map(),
  stopAt?: string,
  found: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string; readonly url: string; readonly headers: Headers }> {
  for (let step = 0, next = url; step < 20; step += 1) {
    if (stopAt !== undefined && next.startsWith(stopAt))
      return { status: 0, text: '', url: next, headers: new Headers() };
    const { host, origin } = new URL(next);
    const own = [...jar].filter(([name]) => name.startsWith(`${host} `));
    const cookie = own.map(([name, value]) => `${name.slice(host.length + 1)}=${value}`).join('; ');
    const answer = await fetch(next.replace(origin, found[origin] ?? origin), {
      redirect: 'manual',
      headers: cookie === '' ? {} : { cookie },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(`${host} ${name}`);
      else jar.set(`${host} ${name}`, value);
    }
    const location = answer.headers.get('location');
    if (location === null)
      return { status: answer.status, text: await answer.text(), url: next, headers: answer.headers };
    next = new URL(location, next).href;
  }
  throw new Error('too many redirects');
}

/** As a person would, in a browser: opens the link, goes on, logs in. Throws unless all is well. */
export async function givePermission(link: string): Promise<void> {
  const jar = new Map<string, string>();
  const page = await browse(link, jar);
  const onwards = /href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&');
  if (page.status !== 200 || onwards === undefined) throw new Error(`no page that asks: ${page.status} ${page.text}`);
  const done = await browse(onwards, jar);
  if (done.status !== 200) throw new Error(`no permission: ${done.status} ${done.text}`);
}
