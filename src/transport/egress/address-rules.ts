/**
 * The addresses to which the gateway may connect on behalf of a configuration or of a document from another service (MCP
 * 2025-11-25 basic/security_best_practices §Server-Side Request Forgery). The address is checked, never the name, because a name
 * may resolve to another address a moment later. An IPv6 address that contains an IPv4 address is also checked as that.
 */
import ipaddr from 'ipaddr.js';

export interface EgressSettings {
  /** Addresses of this machine, with http as well as https. Default false. */
  readonly allowLoopback?: boolean | undefined;
  /** RFC 1918, RFC 6598 and RFC 4193 addresses, with https. Default false. */
  readonly allowPrivate?: boolean | undefined;
  /** With `allowPrivate`: http as well. Default false. */
  readonly allowPlainPrivate?: boolean | undefined;
}

export type AddressKind = 'public' | 'loopback' | 'private' | 'refused';

/** Addresses at which clouds provide the credentials of a machine. They are always refused, and so are all RFC 3927 addresses. */
const metadataServices = new Set(['100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'fd20:ce::254']);

/** The kind of an address. Text that is not an address is refused. */
export function addressKind(address: string): AddressKind {
  // A zone (`fe80::1%eth0`) names an interface of this machine.
  if (address.includes('%') || !ipaddr.isValid(address)) return 'refused';
  return kindOf(ipaddr.parse(address));
}

function kindOf(parsed: ipaddr.IPv4 | ipaddr.IPv6): AddressKind {
  if (metadataServices.has(parsed.toString())) return 'refused';
  if (isIPv6(parsed)) return kindOfIPv6(parsed);
  switch (parsed.range()) {
    case 'unicast':
      return 'public';
    case 'loopback':
      return 'loopback';
    case 'private':
    case 'carrierGradeNat':
      return 'private';
    default:
      return 'refused';
  }
}

function kindOfIPv6(address: ipaddr.IPv6): AddressKind {
  switch (address.range()) {
    case 'unicast':
      // Outside global unicast (RFC 4291 §2.4) no addresses are assigned. This includes `::a.b.c.d` (§2.5.5.1).
      return (address.parts[0]! & 0xe000) === 0x2000 ? 'public' : 'refused';
    case 'loopback':
      return 'loopback';
    case 'uniqueLocal':
      return 'private';
    case 'ipv4Mapped':
      return kindOf(address.toIPv4Address());
    case 'rfc6052':
      // NAT64. The local prefix of RFC 8215 may be divided in other ways, so only the well-known prefix is supported.
      return address.parts[2] === 0 ? onlyPublic(embedded(address, 6)) : 'refused';
    case '6to4':
      return onlyPublic(embedded(address, 1));
    default:
      return 'refused';
  }
}

function isIPv6(address: ipaddr.IPv4 | ipaddr.IPv6): address is ipaddr.IPv6 {
  return address.kind() === 'ipv6';
}

/** The IPv4 address in two groups of an IPv6 address. */
function embedded(address: ipaddr.IPv6, at: number): ipaddr.IPv4 {
  const high = address.parts[at]!;
  const low = address.parts[at + 1]!;
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}

/** The translator is in another network: a private address there is not one that this configuration allows. */
function onlyPublic(address: ipaddr.IPv4): AddressKind {
  return kindOf(address) === 'public' ? 'public' : 'refused';
}

/** Whether a connection to `address` may be opened. `isPlain`: without TLS. */
export function isAllowed(address: string, isPlain: boolean, settings: EgressSettings): boolean {
  switch (addressKind(address)) {
    case 'public':
      return !isPlain;
    case 'loopback':
      return settings.allowLoopback === true;
    case 'private':
      return settings.allowPrivate === true && (!isPlain || settings.allowPlainPrivate === true);
    case 'refused':
      return false;
  }
}
