/**
 * The gateway as a client of an authorization server where users give consent: with an identity that the operator has registered;
 * else with its own client metadata document (Client ID Metadata Documents, MCP 2025-11-25 basic/authorization §Client
 * Registration Approaches); else by dynamic registration, if the server offers only that (RFC 7591).
 */
import type { OAuthClientIdentity } from '../../config/security.ts';
import type { Configuration } from 'openid-client';
import * as z from 'zod';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import type { Egress } from '../egress/guarded-fetch.ts';
import { discovered } from './discovery.ts';
import { oauthClient } from './oauth-client.ts';
import type { TokenStore } from './token-store.ts';

export const callbackPath = '/.manifold/oauth/callback';
export const clientDocumentPath = '/.manifold/oauth/client.json';
const clientName = 'Manifold MCP gateway';
/** A registration without an expiry is renewed after this time. */
const registrationMs = 30 * 86_400_000;
const maxRegistrationBytes = 64 * 1024;

export interface ConsentClientConfig {
  readonly issuer: string;
  /** Absent: determined automatically. */
  readonly identity?: OAuthClientIdentity | undefined;
  /** The operator says that the server has PKCE with S256, where its metadata does not. */
  readonly assumesPkce?: boolean | undefined;
}

export interface ConsentClient {
  /** Rejects when the server cannot be asked, or cannot be used: without PKCE, or without a way to be its client. */
  at(config: ConsentClientConfig): Promise<KnownClient>;
}

/** `identity`: as whom the gateway is known there. A refresh token is good for that one alone (RFC 6749 §6). */
interface KnownClient {
  readonly client: Configuration;
  readonly identity: OAuthClientIdentity;
}

/** The document at our `client_id` URL. `origin`: the origin at which browsers reach the gateway. */
export function clientDocument(origin: string): object {
  return {
    client_id: `${origin}${clientDocumentPath}`,
    client_name: clientName,
    client_uri: origin,
    redirect_uris: [`${origin}${callbackPath}`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

export function consentClient(origin: string, egress: Egress, store: TokenStore, now?: () => number): ConsentClient {
  const servers = new Map<string, ReturnType<typeof discovered>>();
  const metadataOf = async (issuer: string): Promise<ServerMetadata> => {
    let server = servers.get(issuer);
    if (server === undefined) servers.set(issuer, (server = discovered(issuer, egress.fetch, now)));
    return await server.get();
  };
  return {
    async at({ issuer, identity, assumesPkce = false }) {
      const metadata = usable(await metadataOf(issuer), egress.allowsPlain, assumesPkce);
      const own = identity ?? documented(metadata, origin) ?? (await registered(metadata, origin, egress, store));
      return { client: await oauthClient(metadata, own, egress), identity: own };
    },
  };
}

function usable(metadata: ServerMetadata, allowsPlain: boolean, assumesPkce: boolean): ServerMetadata {
  const {
    authorization_endpoint: endpoint,
    token_endpoint: tokens,
    code_challenge_methods_supported: methods,
  } = metadata;
  if (endpoint === undefined || tokens === undefined)
    throw new Error('the metadata names no authorization or token endpoint');
  // The user's browser is sent to this endpoint.
  if (!endpoint.startsWith('https:') && !allowsPlain) throw new Error('the authorization endpoint is not https');
  // MCP 2025-11-25 basic/authorization §Authorization Code Protection: without this there is no going on.
  const isTold = Array.isArray(methods) && methods.includes('S256');
  // A server that says what it has, and not this, has it not.
  if (!isTold && !(assumesPkce && methods === undefined)) throw new Error('the server does not say that it has PKCE');
  return metadata;
}

function documented(metadata: ServerMetadata, origin: string): OAuthClientIdentity | undefined {
  if (metadata['client_id_metadata_document_supported'] !== true || !origin.startsWith('https:')) return undefined;
  return { clientId: `${origin}${clientDocumentPath}`, credential: { method: 'none' } };
}

/** RFC 7591 §3.2.1; only the members that are used. */
const registration = z.object({
  client_id: z.string().min(1),
  client_secret: z.string().min(1).optional(),
  client_secret_expires_at: z.number().optional(),
  token_endpoint_auth_method: z.string().optional(),
});

async function registered(
  metadata: ServerMetadata,
  origin: string,
  egress: Egress,
  store: TokenStore,
): Promise<OAuthClientIdentity> {
  const name = ['client', metadata.issuer, origin];
  const read = async (): Promise<OAuthClientIdentity | undefined> => {
    const text = await store.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as OAuthClientIdentity);
  };
  const known = await read();
  if (known !== undefined) return known;
  return await store.alone(name, async () => {
    const since = await read();
    if (since !== undefined) return since;
    const { config, lifeMs } = await register(metadata, origin, egress);
    await store.set(name, JSON.stringify(config), lifeMs);
    return config;
  });
}

async function register(
  { registration_endpoint: endpoint }: ServerMetadata,
  origin: string,
  egress: Egress,
): Promise<{ readonly config: OAuthClientIdentity; readonly lifeMs: number }> {
  if (typeof endpoint !== 'string')
    throw new Error('the server takes no client that is not registered: give "clientId" and its credential');
  const { client_id: _id, client_uri: _uri, ...wanted } = clientDocument(origin) as Record<string, unknown>;
  const answer = await egress.fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(wanted),
    maxBytes: maxRegistrationBytes,
  });
  if (answer.status !== 201 && answer.status !== 200) throw new Error(`registration: status ${answer.status}`);
  const given = registration.parse(await answer.json());
  const { client_id: clientId, client_secret: secret, token_endpoint_auth_method: asked } = given;
  const method = asked === 'client_secret_post' ? asked : 'client_secret_basic';
  const ends = given.client_secret_expires_at ?? 0;
  return {
    config: {
      clientId,
      credential: secret === undefined || asked === 'none' ? { method: 'none' } : { method, secret },
    },
    lifeMs: ends === 0 ? registrationMs : Math.max(1, ends * 1_000 - Date.now()),
  };
}
