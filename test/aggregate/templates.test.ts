import { describe, expect, test } from 'vitest';

import { matchesTemplate } from '../../src/aggregate/templates.ts';

describe('matching a URI with a URI template (RFC 6570)', () => {
  for (const [template, uri] of [
    ['file:///a', 'file:///a'],
    ['test://template/{id}/data', 'test://template/123/data'],
    ['test://template/{id}/data', 'test://template//data'],
    ['x://{a}{b}', 'x://ab'],
    ['x://{a}/{b}', 'x://1/2'],
    ['x://{a,b}', 'x://1,2'],
    ['x://{a:3}/{list*}', 'x://abc/1,2'],
    ['file:///{+path}', 'file:///a/b/c'],
    ['file://{/path*}', 'file:///a/b/c'],
    ['x://y{?q,r}', 'x://y?q=1&r=2'],
    ['x://y{?q}', 'x://y'],
    ['x://y{#part}', 'x://y#a/b'],
    ['x://{+a}/z/{b}', 'x://1/z/2/z/3'],
    ['x://{a}aab', 'x://aaab'],
    ['x://{a}aa', 'x://aaa'],
    ['x://{a}aabaaac', 'x://aabaaabaaac'],
    ['x://{a}abab{b}c', 'x://ababab.c'],
    ['', ''],
  ] as const) {
    test(`"${uri}" may come from ${template}`, () => {
      expect(matchesTemplate(template, uri)).toBe(true);
    });
  }

  for (const [template, uri] of [
    ['file:///a', 'file:///ab'],
    ['file:///a', 'file://a'],
    ['test://template/{id}/data', 'test://template/1/2/data'],
    ['test://template/{id}/data', 'test://template/123/date'],
    ['x://{a}', 'x://1/2'],
    ['x://{+a}/z/{b}', 'x://1/z/2/3'],
    ['x://{a}', 'y://1'],
    ['x://{', 'x://{'],
    ['x://{}', 'x://'],
    ['x://}', 'x://}'],
    ['x://{{a}}', 'x://1'],
  ] as const) {
    test(`"${uri}" cannot come from ${template}`, () => {
      expect(matchesTemplate(template, uri)).toBe(false);
    });
  }

  test('texts beyond the bounds match nothing: 512 characters of template, 1,024 of URI, 8 expressions', () => {
    expect(matchesTemplate('a'.repeat(512), 'a'.repeat(512))).toBe(true);
    expect(matchesTemplate('a'.repeat(513), 'a'.repeat(513))).toBe(false);
    expect(matchesTemplate('{a}', 'a'.repeat(1024))).toBe(true);
    expect(matchesTemplate('{a}', 'a'.repeat(1025))).toBe(false);
    expect(matchesTemplate('{a}'.repeat(8), 'a')).toBe(true);
    expect(matchesTemplate('{a}'.repeat(9), 'a')).toBe(false);
  });
});
