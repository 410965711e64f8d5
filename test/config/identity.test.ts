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
    ['é', 'server-4a9955'],
    ['', ''],
    ['__proto__', 'proto'],
    ['0', '0'],
    ['a'.repeat(32), 'a'.repeat(32)],
  ] as const) {
    expect([name, slug(name)]).toEqual([name, id]);
  }
});

/** As Cline's marketplace names its servers. */
function on(path: string): string {
  return `github.com/modelcontextprotocol/servers/tree/main/src/${path}`;
}

test('a name that is too long gets an id that no other such name has', () => {
  for (const [name, id] of [
    ['a'.repeat(33), /^a{25}-[0-9a-f]{6}$/],
    [`${'a'.repeat(24)}_${'b'.repeat(24)}`, /^a{24}-[0-9a-f]{6}$/],
    [on('github'), /^github-[0-9a-f]{6}$/],
    [on('time'), /^time-[0-9a-f]{6}$/],
    ['https://user.example.com/team/one/notes/mcp/?key=s3cret', /^notes-[0-9a-f]{6}$/],
    ['日本', /^server-[0-9a-f]{6}$/],
    ['中国', /^server-[0-9a-f]{6}$/],
  ] as const) {
    expect(slug(name)).toMatch(id);
  }
  const names = ['github', 'time', 'time/'].map(on).concat(`${'a'.repeat(40)}1`, `${'a'.repeat(40)}2`, '日本', '中国');
  expect(new Set(names.map(slug)).size).toBe(names.length);
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
