/** An upstream that is the gateway itself would cause an endless loop of calls. It is reported and left out. */
import { networkInterfaces } from 'node:os';
import { BlockList, isIP } from 'node:net';
import type { RunOptions } from './options.ts';
import type { Config, UnusableEntry, UpstreamConfig } from '../config/model.ts';
import { ConfigError } from '../config/model.ts';

type Endpoint = Pick<RunOptions, 'host' | 'port' | 'resource' | 'tls'>;

const everyAddress = new Set(['0.0.0.0', '::']);

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Removes the upstreams whose URL is the gateway's own endpoint, by `options` or by `--public-url`, and adds them to the unusable
 * ones. `source` names the configuration in messages. Throws `ConfigError` when nothing is left, and with `strict` for the first
 * one. A name that leads to this gateway through DNS or a proxy is not detected.
 */
export function withoutItself(config: Config, source: string, endpoint: Endpoint, strict: boolean): Config {
  const own: UnusableEntry[] = [];
  const narrowed = config.routes.map((route) => {
    const upstreams = route.upstreams.filter((upstream) => {
      if (!leadsTo(upstream, endpoint)) return true;
      // One server may be used by several routes.
      if (!own.some(({ name }) => name === upstream.name))
        own.push({ name: upstream.name, faults: [{ path: upstream.name, ...itself }] });
      return false;
    });
    return upstreams.length === route.upstreams.length ? route : { ...route, upstreams };
  });
  if (own.length === 0) return config;
  const unusable = [...(config.unusable ?? []), ...own];
  const routes = narrowed.filter(({ upstreams }) => upstreams.length > 0);
  if (strict || routes.length === 0)
    throw new ConfigError(
      source,
      unusable.flatMap(({ faults }) => faults),
    );
  return { ...config, routes, unusable };
}

const itself = {
  problem: 'its URL is the address of this gateway, which would call itself',
  remedy: 'Take it out, or give the gateway another --port',
};

function leadsTo({ transport }: UpstreamConfig, { host, port, resource, tls }: Endpoint): boolean {
  if (transport.kind === 'stdio' || (transport.kind === 'http' && transport.socketPath !== undefined)) return false;
  const url = new URL(transport.url);
  if (resource !== undefined && URL.canParse(resource)) {
    const known = new URL(resource);
    if (known.origin === url.origin && known.pathname === url.pathname) return true;
  }
  const urlPort = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (port === 0 || urlPort !== port || (url.protocol === 'https:') !== (tls !== undefined)) return false;
  const target = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (target === host.toLowerCase()) return true;
  if (everyAddress.has(host)) return isLocal(target) || interfaceAddresses().has(target);
  // `localhost` means either loopback address; the two addresses themselves are distinguished.
  return (target === 'localhost' && isLocal(host)) || (host === 'localhost' && isLocal(target));
}

function isLocal(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost');
  return everyAddress.has(host) || loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function interfaceAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
}
