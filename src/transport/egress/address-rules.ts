/**
 * Which addresses the gateway may open a connection to on behalf of a configuration or of a document that somebody else wrote
 * (MCP 2025-11-25 basic/security_best_practices §Server-Side Request Forgery). The address is judged, never the name: a name
 * may mean another one a moment later. An IPv6 address that carries an IPv4 one is judged by that as well.
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

/** Where clouds hand out the credentials of a machine. Refused whatever is allowed. RFC 3927 addresses are as a whole. */
const metadataServices = new Set(['100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'fd20:ce::254']);

/** What an address is to the gateway. Text that is no address is refused. */
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
      // Outside of global unicast (RFC 4291 §2.4) nothing is assigned. `::a.b.c.d` (§2.5.5.1) is among that.
      return (address.parts[0]! & 0xe000) === 0x2000 ? 'public' : 'refused';
    case 'loopback':
      return 'loopback';
    case 'uniqueLocal':
      return 'private';
    case 'ipv4Mapped':
      return kindOf(address.toIPv4Address());
    case 'rfc6052':
      // NAT64. The local prefix of RFC 8215 may be split in other ways, so that only the well-known one is read.
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

/** The IPv4 address in two parts of an IPv6 one. */
function embedded(address: ipaddr.IPv6, at: number): ipaddr.IPv4 {
  const high = address.parts[at]!;
  const low = address.parts[at + 1]!;
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}

/** A translator stands elsewhere: what is private there is not what this configuration allows. */
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
