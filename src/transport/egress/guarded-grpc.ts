/**
 * The same rules of addresses for gRPC, which opens its connections itself: a scheme of target names whose addresses are looked up as
 * those of `dns:` and judged before a connection is made to them. Connections go to these very addresses.
 */
import { experimental, Metadata, status, type ChannelOptions } from '@grpc/grpc-js';
import { isIP } from 'node:net';
import { isAllowed, type EgressSettings } from './address-rules.ts';

const scheme = 'guarded';
/** Among the options of a channel. */
const guardKey = 'manifold.guard';

interface Guard {
  readonly settings: EgressSettings;
  readonly isPlain: boolean;
}

type Target = Parameters<typeof experimental.createResolver>[0];
type Listener = Parameters<typeof experimental.createResolver>[1];
type Found = Parameters<Listener>[0];

class GuardedResolver implements experimental.Resolver {
  readonly #names: experimental.Resolver;

  constructor(target: Target, listener: Listener, options: ChannelOptions) {
    // Set by `guardedTarget` alone, as nobody else uses the scheme.
    const guard = options[guardKey] as Guard;
    const judged: Listener = (found, ...rest) => listener(allowed(found, guard), ...rest);
    this.#names = experimental.createResolver({ ...target, scheme: 'dns' }, judged, options);
  }

  static getDefaultAuthority({ path }: Target): string {
    return path;
  }

  updateResolution(): void {
    this.#names.updateResolution();
  }

  destroy(): void {
    this.#names.destroy();
  }
}

function allowed(found: Found, { settings, isPlain }: Guard): Found {
  if (!found.ok) return found;
  const endpoints = found.value.flatMap(({ addresses }) => {
    const left = addresses.filter(
      (one) => 'host' in one && isIP(one.host) !== 0 && isAllowed(one.host, isPlain, settings),
    );
    return left.length === 0 ? [] : [{ addresses: left }];
  });
  if (endpoints.length > 0) return { ok: true, value: endpoints };
  const error = { code: status.UNAVAILABLE, details: 'the address is not allowed', metadata: new Metadata() };
  return { ok: false, error };
}

let isRegistered = false;

/** The name of a target for a gRPC client, and options that go with it. `isPlain`: without TLS. */
export function guardedTarget(
  host: string,
  port: number,
  isPlain: boolean,
  settings: EgressSettings,
): { readonly target: string; readonly options: ChannelOptions } {
  if (!isRegistered) experimental.registerResolver(scheme, GuardedResolver);
  isRegistered = true;
  const guard: Guard = { settings, isPlain };
  return { target: `${scheme}:${host}:${port}`, options: { [guardKey]: guard } };
}
