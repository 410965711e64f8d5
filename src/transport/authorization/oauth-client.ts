/** The gateway as a client of an authorization server: adapts openid-client to the guarded outbound connection. RFC 6749 §2.3. */
import { createPrivateKey } from 'node:crypto';
import {
  allowInsecureRequests,
  ClientSecretPost,
  Configuration,
  customFetch,
  None,
  PrivateKeyJwt,
  type ClientAuth,
  type CustomFetch,
} from 'openid-client';
import { importPKCS8 } from 'jose';
import type { OAuthClientIdentity } from '../../config/security.ts';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import type { Egress, GuardedFetch } from '../egress/guarded-fetch.ts';

/** The client of one server. Throws if the private key is invalid. */
export async function oauthClient(
  metadata: ServerMetadata,
  { clientId, credential }: OAuthClientIdentity,
  egress: Egress,
): Promise<Configuration> {
  const { issuer, jwks_uri, token_endpoint, authorization_endpoint, introspection_endpoint } = metadata;
  const server = {
    issuer,
    ...(jwks_uri === undefined ? {} : { jwks_uri }),
    ...(token_endpoint === undefined ? {} : { token_endpoint }),
    ...(authorization_endpoint === undefined ? {} : { authorization_endpoint }),
    ...(introspection_endpoint === undefined ? {} : { introspection_endpoint }),
    // RFC 9207 §2.4: then an answer without an issuer is refused.
    ...(metadata['authorization_response_iss_parameter_supported'] === true
      ? { authorization_response_iss_parameter_supported: true }
      : {}),
  };
  const client = new Configuration(server, clientId, {}, await clientAuth(credential));
  client[customFetch] = libraryFetch(egress.fetch);
  if (egress.allowsPlain) allowInsecureRequests(client);
  return client;
}

async function clientAuth(credential: OAuthClientIdentity['credential']): Promise<ClientAuth> {
  switch (credential.method) {
    case 'client_secret_basic':
      return secretBasic(credential.secret);
    case 'client_secret_post':
      return ClientSecretPost(credential.secret);
    case 'private_key_jwt': {
      const pem = createPrivateKey(credential.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
      const key = await importPKCS8(pem, credential.algorithm);
      return PrivateKeyJwt(credential.kid === undefined ? key : { key, kid: credential.kid });
    }
    case 'none':
      return None();
  }
}

/**
 * HTTP Basic with both parts encoded as forms are (RFC 6749 §2.3.1). The function of the library also encodes `-`, `.` and `_`, which
 * servers that decode nothing refuse.
 */
function secretBasic(secret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    const credentials = `${formEncoded(client.client_id)}:${formEncoded(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** The guarded fetch, in the form that openid-client needs. */
function libraryFetch(fetch: GuardedFetch): CustomFetch {
  return async (url, { method, headers, body, signal }) =>
    fetch(url, {
      method,
      headers,
      ...(body === undefined || body === null ? {} : { body: await new Response(body).text() }),
      signal,
    });
}
