import { describe, expect, test } from 'vitest';

import { inwardUri, outwardUri } from '../../src/aggregate/uris.ts';

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
      expect(outwardUri('up', inward)).toBe(outward);
      expect(inwardUri(outward, upstreams)).toEqual({ upstream: 'the upstream', uri: inward });
    });
  }

  for (const uri of ['https://example.com/a+b', 'http://example.com/', 'HTTPS://example.com']) {
    test(`${uri} stays, for a client may fetch it directly, and names no upstream`, () => {
      expect(outwardUri('up', uri)).toBe(uri);
      expect(inwardUri(uri, upstreams)).toBeUndefined();
    });
  }

  for (const uri of ['file:///x', 'other+file:///x', 'ui://host/x', 'ui://up', 'up', '', '+', '/up+x']) {
    test(`"${uri}" carries no known prefix`, () => {
      expect(inwardUri(uri, upstreams)).toBeUndefined();
    });
  }
});
