/** A fixed key for an upstream, in a header or in the query of its URL. MCPRoute v1beta1 `backendRefs.securityPolicy.apiKey`. */

export interface StaticKey {
  readonly key: string;
  /** Default `Authorization`, then with the scheme Bearer. Only one of `header` and `queryParam` may be set. */
  readonly header?: string | undefined;
  readonly queryParam?: string | undefined;
}

/** What a request to an upstream contains because of the upstream's credentials. */
export interface UpstreamCredential {
  /** Names and values alternate; they replace the client's headers of the same name. */
  readonly headers: readonly string[];
  readonly query?: { readonly name: string; readonly value: string } | undefined;
}

/** Throws if the key is not valid in a header; the message does not contain the key. */
export function staticCredential({ key, header, queryParam }: StaticKey): UpstreamCredential {
  const value = key.trim();
  if (value === '' || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
    throw new Error('the key is empty or holds characters that no header may have');
  }
  if (queryParam !== undefined) return { headers: [], query: { name: queryParam, value } };
  const name = (header ?? 'authorization').toLowerCase();
  return {
    headers: [name, name === 'authorization' && !/^(?:bearer|basic) /i.test(value) ? `Bearer ${value}` : value],
  };
}

/** The path with the key in its query, percent-encoded as in forms (RFC 3986 §2.1). */
export function pathWithKey(path: string, { query }: UpstreamCredential): string {
  if (query === undefined) return path;
  const [before, existing] = path.split('?', 2);
  const parameters = new URLSearchParams(existing ?? '');
  parameters.set(query.name, query.value);
  return `${before}?${parameters.toString()}`;
}

/** The same path without the key, for logs and spans. */
export function pathWithoutKey(path: string, { query }: UpstreamCredential): string {
  if (query === undefined || !path.includes('?')) return path;
  const [before, existing] = path.split('?', 2);
  const parameters = new URLSearchParams(existing);
  if (parameters.has(query.name)) parameters.set(query.name, 'redacted');
  return `${before}?${parameters.toString()}`;
}
