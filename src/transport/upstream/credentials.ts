/**
 * The client headers that an upstream is meant to get (`forwardHeaders`), from one request of the client to what is sent to
 * that upstream because of it. Every other header of the client ends here (protocol.md D3; security.md T9). Which names are
 * allowed at all is decided when the configuration is read (config/headers.ts).
 */
import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../../config/model.ts';
import type { Link } from './adapter.ts';

/** Headers of a client as a raw list: names and values in turn. */
export type RawHeaders = readonly string[];

/** For what the gateway asks on nobody's behalf. */
export const noHeaders: RawHeaders = [];

/** What of `rawHeaders` the upstream is meant to get, as a raw list; every line of a repeated header, in order. */
export function forwardedTo({ forwardHeaders }: UpstreamConfig, rawHeaders: RawHeaders): RawHeaders {
  if (forwardHeaders.length === 0) return noHeaders;
  const forwarded: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (forwardHeaders.includes(name)) forwarded.push(name, rawHeaders[i + 1]!);
  }
  return forwarded;
}

/** The link for one request of a client: the same, unless headers are to be sent along. */
export function carrying(link: Link, rawHeaders: RawHeaders): Link {
  const forwarded = forwardedTo(link.upstream.config, rawHeaders);
  return forwarded.length === 0 ? link : { ...link, forwarded };
}

/** Tells clients apart whose forwarded headers differ, as what an upstream lists may depend on them. Empty where none are. */
export function forwardedKey(configs: readonly UpstreamConfig[], rawHeaders: RawHeaders): string {
  const all = configs.flatMap((config) =>
    config.forwardHeaders.length === 0 ? [] : [config.id, ...forwardedTo(config, rawHeaders)],
  );
  return all.length === 0 ? '' : createHash('sha256').update(JSON.stringify(all)).digest('base64url');
}
