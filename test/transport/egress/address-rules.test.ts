import { expect, test } from 'vitest';
import { addressKind, isAllowed, type AddressKind } from '../../../src/transport/egress/address-rules.ts';

const table: readonly (readonly [string, AddressKind])[] = [
  ['93.184.216.34', 'public'],
  ['2606:2800:220:1::1', 'public'],
  ['127.0.0.1', 'loopback'],
  ['127.8.9.1', 'loopback'],
  ['::1', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.1', 'public'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['fd12:3456::1', 'private'],
  // Metadata services, and the range they live in.
  ['169.254.169.254', 'refused'],
  ['169.254.1.1', 'refused'],
  ['100.100.100.200', 'refused'],
  ['168.63.129.16', 'refused'],
  ['fd00:ec2::254', 'refused'],
  ['fe80::1', 'refused'],
  ['fe80::1%eth0', 'refused'],
  // IPv4 within IPv6: mapped, NAT64, 6to4, compatible, Teredo.
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'refused'],
  ['::ffff:0:127.0.0.1', 'refused'],
  ['64:ff9b::127.0.0.1', 'refused'],
  ['64:ff9b:0:0:0:1:7f00:1', 'refused'],
  ['2002:c0a8:101::1', 'refused'],
  ['2002:6440:1::', 'refused'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:169.254.169.254', 'refused'],
  ['::ffff:93.184.216.34', 'public'],
  ['64:ff9b::7f00:1', 'refused'],
  ['64:ff9b::a00:1', 'refused'],
  ['64:ff9b::a9fe:a9fe', 'refused'],
  ['64:ff9b::5db8:d822', 'public'],
  ['64:ff9b:1::5db8:d822', 'refused'],
  ['2002:7f00:1::', 'refused'],
  ['2002:a9fe:a9fe::', 'refused'],
  ['2002:5db8:d822::1', 'public'],
  ['::7f00:1', 'refused'],
  ['2001::1', 'refused'],
  // Nothing that is a host.
  ['0.0.0.0', 'refused'],
  ['0.1.2.3', 'refused'],
  ['255.255.255.255', 'refused'],
  ['224.0.0.1', 'refused'],
  ['240.0.0.1', 'refused'],
  ['192.0.2.1', 'refused'],
  ['198.18.0.1', 'refused'],
  ['::', 'refused'],
  ['ff02::1', 'refused'],
  ['fec0::1', 'refused'],
  ['2001:db8::1', 'refused'],
  ['4000::1', 'refused'],
  ['localhost', 'refused'],
  ['', 'refused'],
];

test.each(table)('%s is %s', (address, kind) => {
  expect(addressKind(address)).toBe(kind);
});

test('by default only public addresses, and only with TLS', () => {
  for (const [address, kind] of table) {
    expect(isAllowed(address, false, {})).toBe(kind === 'public');
    expect(isAllowed(address, true, {})).toBe(false);
  }
});

test('each setting opens what it names', () => {
  expect(isAllowed('127.0.0.1', true, { allowLoopback: true })).toBe(true);
  expect(isAllowed('10.0.0.1', false, { allowLoopback: true })).toBe(false);
  expect(isAllowed('10.0.0.1', false, { allowPrivate: true })).toBe(true);
  expect(isAllowed('10.0.0.1', true, { allowPrivate: true })).toBe(false);
  expect(isAllowed('10.0.0.1', true, { allowPrivate: true, allowPlainPrivate: true })).toBe(true);
  expect(isAllowed('10.0.0.1', true, { allowPlainPrivate: true })).toBe(false);
});

test('nothing opens metadata services, nor http to the public', () => {
  const all = { allowLoopback: true, allowPrivate: true, allowPlainPrivate: true };
  expect(isAllowed('169.254.169.254', true, all)).toBe(false);
  expect(isAllowed('fd00:ec2::254', false, all)).toBe(false);
  expect(isAllowed('93.184.216.34', true, all)).toBe(false);
});
