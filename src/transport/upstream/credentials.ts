/**
 * Which headers go to an upstream for a caller: decided only here. Of the client's own these are the ones that `forwardHeaders`
 * names; every other header of the client ends at the gateway. Besides these there is what the gateway says of the caller (claims,
 * a client id) and a credential of its own. Which names are allowed at all is decided when the configuration is read
 * (config/headers.ts). MCP Security Best Practices §Token Passthrough.
 */
import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import type { Caller, RawHeaders } from '../http/caller.ts';

/** Gives the headers, as a raw list, that go to an upstream for a caller. */
export interface Credentials {
  /** Throws, or rejects with, the fault that ends the request when credentials cannot be had. */
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
 * The same with what the gateway says of the caller, and its own credentials. `isWithheld` names (lower case) what no upstream gets
 * from a client, whatever is configured.
 */
export function credentialsFor(
  isWithheld: (name: string) => boolean,
  ownOf: (config: UpstreamConfig) => OwnCredential | undefined,
): Credentials {
  return {
    for(config, caller) {
      const own = ownOf(config);
      // The gateway's own credential stands alone, and so does what the gateway says of the caller.
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

/* `_` and `-` are one for many servers behind. */
function isTold(told: RawHeaders, name: string): boolean {
  const plain = name.replaceAll('_', '-');
  return told.some((one, at) => at % 2 === 0 && one.replaceAll('_', '-') === plain);
}

/** `isLeftOut` is asked about the names (lower case) that the client and that the upstream use. */
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

/** A key that differs when what the upstreams get of a caller differs, as answers may depend on it. Empty where they get nothing. */
export function credentialsKey(configs: readonly UpstreamConfig[], caller: Caller): string {
  const all = configs.flatMap((config) =>
    config.forwardHeaders.length === 0 ? [] : [config.id, ...forwardedTo(config, caller)],
  );
  const whole = caller.told.length === 0 ? all : [...all, '', ...caller.told];
  return whole.length === 0 ? '' : createHash('sha256').update(JSON.stringify(whole)).digest('base64url');
}

/** What a failure to get a credential is for the client: a fault of that upstream. */
export function credentialFault(fault: unknown): GatewayError {
  return fault instanceof GatewayError
    ? fault
    : new GatewayError('upstream_unauthorized', String(fault), { cause: fault });
}
