/** Prefixes and schemes of upstreams (tools: names of an aggregate; RFC 3986 §3.1 for schemes). */
import { expect, test } from 'vitest';
import { schemeOf, slug } from '../../src/config/identity.ts';

test('an id holds no separator, and begins and ends in a letter or digit', () => {
  for (const [name, id] of [
    ['github', 'github'],
    ['my_server', 'my_server'],
    ['a__b', 'a_b'],
    ['a____b', 'a_b'],
    ['My Server (prod)', 'My-Server-prod'],
    ['_x_', 'x'],
    ['..x--', 'x'],
    ['io.github.user/server', 'io.github.user-server'],
    ['é', ''],
    ['', ''],
    ['__proto__', 'proto'],
    ['0', '0'],
    ['a'.repeat(32), 'a'.repeat(32)],
    ['a'.repeat(33), 'a'.repeat(32)],
    [`${'a'.repeat(31)}_b`, 'a'.repeat(31)],
  ] as const) {
    expect([name, slug(name)]).toEqual([name, id]);
  }
});

test('a scheme is lower case, begins with a letter and is none that resources use', () => {
  for (const [id, scheme] of [
    ['GitHub', 'github'],
    ['my_server', 'my-server'],
    ['a.b', 'a.b'],
    ['7zip', 'x-7zip'],
    ['file', 'file-mcp'],
    ['HTTPS', 'https-mcp'],
    ['ui', 'ui-mcp'],
    ['data', 'data-mcp'],
    ['urn', 'urn-mcp'],
    ['git', 'git-mcp'],
  ] as const) {
    expect([id, schemeOf(id)]).toEqual([id, scheme]);
  }
});
