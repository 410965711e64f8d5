import { afterEach, expect, test, vi } from 'vitest';
import { PeerAddresses } from '../../../src/transport/peers/peer-addresses.ts';

afterEach(() => void vi.useRealTimers());

const address = (last: number): { address: string; family: number } => ({ address: `10.0.0.${last}`, family: 4 });

test('a name is looked up once for all who ask, and again after five seconds', async () => {
  vi.useFakeTimers();
  let asked = 0;
  const addresses = new PeerAddresses('peers.example:99', 80, async () => [address((asked += 1))]);
  const all = await Promise.all(Array.from({ length: 600 }, async () => await addresses.current()));
  expect([asked, all[599]]).toEqual([1, ['10.0.0.1:99']]);
  vi.advanceTimersByTime(4_999);
  expect(await addresses.current()).toEqual(['10.0.0.1:99']);
  vi.advanceTimersByTime(1);
  expect(await addresses.current()).toEqual(['10.0.0.2:99']);
});

test('while it cannot be looked up, the addresses of before serve for a minute', async () => {
  vi.useFakeTimers();
  let fails = false;
  const addresses = new PeerAddresses('peers.example', 80, async () => {
    if (fails) throw new Error('no such name');
    return [address(1)];
  });
  await addresses.current();
  fails = true;
  vi.advanceTimersByTime(60_000);
  expect(await addresses.current()).toEqual(['10.0.0.1:80']);
  vi.advanceTimersByTime(1);
  await expect(addresses.current()).rejects.toThrow('no such name');
});

test('256 peers are told at most, each once, and IPv6 addresses are written as such', async () => {
  const many = Array.from({ length: 300 }, (_, at) => address(at));
  expect(await new PeerAddresses('x', 1, async () => [...many, ...many]).current()).toHaveLength(256);
  expect(
    await new PeerAddresses('[::1]:5', 1, async () => [
      { address: '::1', family: 6 },
      address(1),
      address(1),
    ]).current(),
  ).toEqual(['[::1]:5', '10.0.0.1:5']);
});
