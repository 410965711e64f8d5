import { describe, expect, test } from 'vitest';

import { inwardUri, listedUri, outwardUri } from '../../src/aggregate/uris.ts';
import { anUpstream } from './an-upstream.ts';

const upstreams = new Map([['up', 'the upstream']]);

describe('outward URIs (RFC 3986 §3.1, RFC 6570)', () => {
  for (const [inward, outward] of [
    ['file:///x', 'up+file:///x'],
    ['git+ssh://h/x', 'up+git+ssh://h/x'],
    ['test://template/{id}/data', 'up+test://template/{id}/data'],
    ['mailto:a+b@c', 'up+mailto:a+b@c'],
    ['ui://host/x', 'ui://up/host/x'],
    ['ui://{host}/x', 'ui://up/{host}/x'],
    ['ui://', 'ui://up/'],
    ['ui:x', 'up+ui:x'],
    ['/no/scheme', 'up+/no/scheme'],
    ['', 'up+'],
    ['FILE:///X%2f', 'up+FILE:///X%2f'],
  ] as const) {
    test(`"${inward}" is shown as ${outward}, and back`, () => {
      expect(outwardUri({ scheme: 'up' }, inward)).toBe(outward);
      expect(inwardUri(outward, upstreams)).toEqual({ upstream: 'the upstream', uri: inward });
    });
  }

  for (const uri of ['https://example.com/a+b', 'http://example.com/', 'HTTPS://example.com']) {
    test(`${uri} stays, for a client may fetch it directly, and names no upstream`, () => {
      expect(outwardUri({ scheme: 'up' }, uri)).toBe(uri);
      expect(inwardUri(uri, upstreams)).toBeUndefined();
    });
  }

  for (const uri of ['file:///x', 'other+file:///x', 'ui://host/x', 'ui://up', 'up', '', '+', '/up+x']) {
    test(`"${uri}" carries no known prefix`, () => {
      expect(inwardUri(uri, upstreams)).toBeUndefined();
    });
  }
});

describe('URIs of the only upstream of a route', () => {
  const only = { scheme: 'up', isOnly: true };

  for (const uri of ['file:///x', 'ui://host/x', 'https://x/', 'git+ssh://h/x', '/no/scheme', ''])
    test(`"${uri}" stays as it is`, () => {
      expect(outwardUri(only, uri)).toBe(uri);
      expect(inwardUri(uri, upstreams)).toBeUndefined();
    });

  for (const uri of ['up+ssh://h/x', 'ui://up/x'])
    test(`${uri} would be read as prefixed, so it is`, () => {
      expect(inwardUri(outwardUri(only, uri), upstreams)).toEqual({ upstream: 'the upstream', uri });
    });
});

test('URIs are listed without a prefix where names are', () => {
  for (const policy of ['conflict', 'never'] as const) {
    const upstream = anUpstream('up', { naming: { ...anUpstream().naming, policy } });
    expect(listedUri(upstream, 'file:///x')).toBe('file:///x');
    expect(listedUri(upstream, 'up+x')).toBe('up+up+x');
    expect(outwardUri(upstream, 'file:///x')).toBe('up+file:///x');
  }
  expect(listedUri(anUpstream(), 'file:///x')).toBe('up+file:///x');
});
