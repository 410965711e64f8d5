/**
 * Which headers go to an upstream for a caller: decided only here. Today these are the client headers that
 * `forwardHeaders` names; every other header of the client ends at the gateway. Which names are allowed at all is decided
 * when the configuration is read (config/headers.ts). MCP Security Best Practices §Token Passthrough.
 */
import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../../config/model.ts';
import type { Caller, RawHeaders } from '../http/caller.ts';

/** Gives the headers, as a raw list, that go to an upstream for a caller. */
export interface Credentials {
  /** Rejects with the fault that ends the request when credentials cannot be had. */
  for(config: UpstreamConfig, caller: Caller): RawHeaders | Promise<RawHeaders>;
}

const none: RawHeaders = [];

/** The headers that `forwardHeaders` names: every line of a repeated header, in order. */
export const forwarded: Credentials = {
  for: ({ forwardHeaders }, { rawHeaders }) => forwardedTo(forwardHeaders, rawHeaders),
};

function forwardedTo(forwardHeaders: readonly string[], rawHeaders: RawHeaders): RawHeaders {
  if (forwardHeaders.length === 0) return none;
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (forwardHeaders.includes(name)) headers.push(name, rawHeaders[i + 1]!);
  }
  return headers;
}

/** A key that differs when forwarded headers differ, as answers may depend on them. Empty without forwarded headers. */
export function credentialsKey(configs: readonly UpstreamConfig[], { rawHeaders }: Caller): string {
  const all = configs.flatMap(({ id, forwardHeaders }) =>
    forwardHeaders.length === 0 ? [] : [id, ...forwardedTo(forwardHeaders, rawHeaders)],
  );
  return all.length === 0 ? '' : createHash('sha256').update(JSON.stringify(all)).digest('base64url');
}
