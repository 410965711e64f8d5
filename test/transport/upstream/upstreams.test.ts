/** Every way to look up an upstream of a route, before and after its configuration is read anew. */
import { expect, test } from 'vitest';
import { Upstreams } from '../../../src/transport/upstream/upstreams.ts';
import { upstreamAt } from '../../clients/a-client.ts';

const a = upstreamAt('http://localhost:1/a', { forwardHeaders: ['x-a'] }, 'a');
const b = upstreamAt('http://localhost:1/b', { scheme: 'bee', forwardHeaders: ['x-b'] }, 'b');

test('by prefix, scheme, hash and configuration', () => {
  const upstreams = new Upstreams([a, b]);
  expect([...upstreams]).toEqual([a, b]);
  expect([upstreams.byId.get('b'), upstreams.byScheme.get('bee'), upstreams.byScheme.get('b')]).toEqual([
    b,
    b,
    undefined,
  ]);
  expect([upstreams.byHash(a.hash), upstreams.byHash(undefined)]).toEqual([a, undefined]);
  expect(upstreams.of(b.config)).toBe(b);
  expect([...upstreams.forwardedNames]).toEqual(['x-a', 'x-b']);
  expect(upstreams.only).toBeUndefined();
});

test('after a change the old ones are found by their configuration alone', () => {
  const upstreams = new Upstreams([a, b]);
  upstreams.replace([b]);
  expect([upstreams.all, upstreams.configs, upstreams.only]).toEqual([[b], [b.config], b]);
  expect([upstreams.byId.get('a'), upstreams.byHash(a.hash)]).toEqual([undefined, undefined]);
  expect(upstreams.of(a.config)).toBe(a);
  expect([...upstreams.forwardedNames]).toEqual(['x-b']);
});
