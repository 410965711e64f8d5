/**
 * The only place that decides which headers an upstream gets for a caller: the client's headers that `forwardHeaders` names, and
 * no others; headers of the gateway about the caller (claims, a client id); and a credential of the gateway. Which names are
 * allowed is decided when the configuration is read (config/headers.ts). MCP Security Best Practices §Token Passthrough.
 */
import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import type { Caller, RawHeaders } from '../http/caller.ts';

/** Returns the headers, as a raw list, that an upstream gets for a caller. */
export interface Credentials {
  /** Throws, or rejects with, the fault that ends the request if credentials are not available. */
  for(config: UpstreamConfig, caller: Caller): RawHeaders | Promise<RawHeaders>;
  /** The upstream answered 401 or 403 to `headers`. Whether asking `for` again, once, makes sense. Absent: never. */
  refused?(config: UpstreamConfig, caller: Caller, headers: RawHeaders, status: number): boolean;
  /**
   * Resolves when the user has given the upstream permission, after `patienceMs`, or when `isGone`. Absent: no user is asked. Rejects
   * when it cannot be known.
   */
  permitted?(config: UpstreamConfig, caller: Caller, patienceMs: number, isGone: () => boolean): Promise<void>;
}

/** A credential of the gateway's own for one upstream. */
export interface OwnCredential {
  for(caller: Caller): RawHeaders | Promise<RawHeaders>;
  refused(caller: Caller, headers: RawHeaders, status: number): boolean;
  /** See `Credentials`. */
  permitted?(caller: Caller, patienceMs: number, isGone: () => boolean): Promise<void>;
}

const none: RawHeaders = [];

/** The headers that `forwardHeaders` names: every line of a repeated header, in order. */
export const forwarded: Credentials = {
  for: (config, caller) => forwardedTo(config, caller),
};

/**
 * The same with the gateway's headers about the caller, and its own credentials. `isWithheld` returns true for names (lower case)
 * that no upstream gets from a client, whatever is configured.
 */
export function credentialsFor(
  isWithheld: (name: string) => boolean,
  ownOf: (config: UpstreamConfig) => OwnCredential | undefined,
): Credentials {
  return {
    for(config, caller) {
      const own = ownOf(config);
      // The gateway's own credential, and its headers about the caller, replace those of the client.
      const isLeftOut = (name: string): boolean =>
        isWithheld(name) || (own !== undefined && name === 'authorization') || isTold(caller.told, name);
      const said = [...forwardedTo(config, caller, isLeftOut), ...caller.told];
      const credential = own?.for(caller);
      if (credential === undefined) return said;
      if (!(credential instanceof Promise)) return [...said, ...credential];
      return credential.then((headers) => [...said, ...headers]);
    },
    refused: (config, caller, headers, status) => ownOf(config)?.refused(caller, headers, status) ?? false,
    permitted: async (config, caller, patienceMs, isGone) =>
      await ownOf(config)?.permitted?.(caller, patienceMs, isGone),
  };
}

/* Many servers treat `_` and `-` as equal. */
function isTold(told: RawHeaders, name: string): boolean {
  const plain = name.replaceAll('_', '-');
  return told.some((one, at) => at % 2 === 0 && one.replaceAll('_', '-') === plain);
}

/** `isLeftOut` is called with the client's and the upstream's names of a header (lower case). */
function forwardedTo(
  { forwardHeaders, forwardedAs }: Pick<UpstreamConfig, 'forwardHeaders' | 'forwardedAs'>,
  { rawHeaders }: Pick<Caller, 'rawHeaders'>,
  isLeftOut?: (name: string) => boolean,
): RawHeaders {
  if (forwardHeaders.length === 0) return none;
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!forwardHeaders.includes(name) || isLeftOut?.(name) === true) continue;
    const renamed = forwardedAs?.filter(([from]) => from === name) ?? [];
    if (renamed.length === 0) headers.push(name, rawHeaders[i + 1]!);
    for (const [, as] of renamed) if (isLeftOut?.(as) !== true) headers.push(as, rawHeaders[i + 1]!);
  }
  return headers;
}

/**
 * A key that differs if the upstreams get different data of the caller, because answers may depend on it. Empty if they get none.
 */
export function credentialsKey(configs: readonly UpstreamConfig[], caller: Caller): string {
  const all = configs.flatMap((config) =>
    config.forwardHeaders.length === 0 ? [] : [config.id, ...forwardedTo(config, caller)],
  );
  const whole = caller.told.length === 0 ? all : [...all, '', ...caller.told];
  return whole.length === 0 ? '' : createHash('sha256').update(JSON.stringify(whole)).digest('base64url');
}

/** The fault for the client if a credential is not available: a fault of that upstream. */
export function credentialFault(fault: unknown): GatewayError {
  return fault instanceof GatewayError
    ? fault
    : new GatewayError('upstream_unauthorized', String(fault), { cause: fault });
}
