/** API keys of clients: where a request may contain one, and which client it belongs to. Only hashes of the keys are kept. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CredentialsRefused, type RequestHead, type Verified } from './verified.ts';

/** Maximum length of a key, in characters; longer ones are refused. */
export const maxApiKeyChars = 1_024;

export interface ApiKeyAuth {
  readonly credentials: readonly { readonly clientId: string; readonly key: string }[];
  /** Where to look, in order; the first key found is used. */
  readonly extractFrom: readonly {
    readonly headers?: readonly string[] | undefined;
    readonly params?: readonly string[] | undefined;
    readonly cookies?: readonly string[] | undefined;
  }[];
  /** The header that tells upstreams the client id. */
  readonly forwardClientIdHeader?: string | undefined;
}

/** The client of the key in the request; undefined if there is no key. Throws `CredentialsRefused` for an unknown key. */
export type ReadApiKey = (head: Pick<RequestHead, 'rawHeaders' | 'path'>) => Verified | undefined;

/** Throws if two clients have the same key, or a key is empty; the message names the clients. */
export function apiKeyReader(config: ApiKeyAuth): ReadApiKey {
  const clients = new Map<string, { readonly digest: Buffer; readonly verified: Verified }>();
  for (const { clientId, key } of config.credentials) {
    if (key === '' || key.length > maxApiKeyChars) throw new Error(`the key of ${clientId} is empty or too long`);
    const digest = digestOf(key);
    const other = clients.get(digest.toString('latin1'));
    if (other !== undefined) throw new Error(`two clients have the same key; ${clientId} is one of them`);
    clients.set(digest.toString('latin1'), { digest, verified: clientOf(clientId, config.forwardClientIdHeader) });
  }
  return (head) => {
    const key = carriedKey(head, config.extractFrom);
    if (key === undefined) return undefined;
    if (key.length > maxApiKeyChars) throw new CredentialsRefused('longer than an API key may be');
    // Found by its hash, so the time of the search reveals nothing that helps to guess the key.
    const digest = digestOf(key);
    const found = clients.get(digest.toString('latin1'));
    if (found === undefined || !timingSafeEqual(found.digest, digest))
      throw new CredentialsRefused('an unknown API key');
    return found.verified;
  };
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function clientOf(clientId: string, header: string | undefined): Verified {
  return {
    principal: { iss: 'apikey', sub: clientId, bind: '' },
    scopes: new Set(),
    claims: { client_id: clientId },
    expiresAt: undefined,
    issuedAt: undefined,
    forwarded: header === undefined ? undefined : [header.toLowerCase(), clientId],
  };
}

function carriedKey(
  { rawHeaders, path }: Pick<RequestHead, 'rawHeaders' | 'path'>,
  extractFrom: ApiKeyAuth['extractFrom'],
): string | undefined {
  for (const { headers, params, cookies } of extractFrom) {
    for (const name of headers ?? []) {
      const value = headerOf(rawHeaders, name);
      if (value !== undefined)
        return name.toLowerCase() === 'authorization' ? value.replace(/^bearer /i, '').trim() : value;
    }
    for (const name of params ?? []) {
      const at = path.indexOf('?');
      const value = at < 0 ? null : new URLSearchParams(path.slice(at)).get(name);
      if (value !== null && value !== '') return value;
    }
    for (const name of cookies ?? []) {
      const value = cookieOf(headerOf(rawHeaders, 'cookie') ?? '', name);
      if (value !== undefined) return value;
    }
  }
  return undefined;
}

/** The first non-empty value of a header. */
function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === wanted && rawHeaders[i + 1] !== '') return rawHeaders[i + 1];
  }
  return undefined;
}

/** RFC 6265 §4.2.1. */
function cookieOf(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}
