/** A fixed key for an upstream, in a header or in the query of its URL. MCPRoute v1beta1 `backendRefs.securityPolicy.apiKey`. */

export interface StaticKey {
  readonly key: string;
  /** Default `Authorization`, and then as a bearer token. At most one of both. */
  readonly header?: string | undefined;
  readonly queryParam?: string | undefined;
}

/** What a request to an upstream carries because of its credentials. */
export interface UpstreamCredential {
  /** Names and values in turn; they replace those of the client with the same name. */
  readonly headers: readonly string[];
  readonly query?: { readonly name: string; readonly value: string } | undefined;
}

/** Throws when the key could not stand in a header; the message does not hold it. */
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

/** The path of a request with the key in its query, written as forms are (RFC 3986 §2.1). */
export function pathWithKey(path: string, { query }: UpstreamCredential): string {
  if (query === undefined) return path;
  const [before, existing] = path.split('?', 2);
  const parameters = new URLSearchParams(existing ?? '');
  parameters.set(query.name, query.value);
  return `${before}?${parameters.toString()}`;
}

/** The same path for logs and spans: nobody reads the key there. */
export function pathWithoutKey(path: string, { query }: UpstreamCredential): string {
  if (query === undefined || !path.includes('?')) return path;
  const [before, existing] = path.split('?', 2);
  const parameters = new URLSearchParams(existing);
  if (parameters.has(query.name)) parameters.set(query.name, 'redacted');
  return `${before}?${parameters.toString()}`;
}
