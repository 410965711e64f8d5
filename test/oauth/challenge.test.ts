import { expect, test } from 'vitest';
import { challengesOf, quoted } from '../../src/oauth/challenge.ts';

const metadata = 'resource_metadata="https://gw.example.com/.well-known/oauth-protected-resource/mcp"';
const challenges = challengesOf({
  resource: 'https://gw.example.com/mcp',
  authorizationServers: ['https://as.example.com'],
  scopesSupported: ['mcp:read', 'offline_access'],
});

test('no credentials: no error, where to go and which scopes', () => {
  expect(challenges.missing).toBe(`Bearer ${metadata}, scope="mcp:read"`);
});

test('a token that does not hold', () => {
  expect(challenges.invalid).toBe(
    `Bearer error="invalid_token", error_description="The access token is missing, expired or not valid for this resource", ${metadata}, scope="mcp:read"`,
  );
});

test('too few scopes', () => {
  expect(challenges.insufficient(['files:write', 'files:read', 'files:write'])).toBe(
    `Bearer error="insufficient_scope", scope="files:write files:read", ${metadata}, error_description="The token is missing required scopes"`,
  );
});

test('credentials in the wrong place', () => {
  expect(challenges.malformed).toMatch(
    /^Bearer error="invalid_request", error_description="[^"]+", resource_metadata="/,
  );
});

test('a resource without scopes asks for none', () => {
  const plain = challengesOf({
    resource: 'https://gw.example.com/mcp',
    authorizationServers: ['https://as.example.com'],
  });
  expect(plain.missing).toBe(`Bearer ${metadata}`);
});

test('nothing configured can end the line or the string', () => {
  expect(quoted('a"b\\c\r\nX-Evil: 1\u0000é')).toBe(String.raw`"a\"b\\cX-Evil: 1"`);
  const odd = challengesOf({
    resource: 'https://gw.example.com/m"c\r\np',
    authorizationServers: ['https://as.example.com'],
    scopesSupported: ['ok', 'with space', 'quo"te', 'line\r\nbreak', ''],
  });
  for (const line of [odd.missing, odd.invalid, odd.malformed, odd.insufficient(['x"y', 'good'])]) {
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    // Every parameter is a token or one quoted string.
    expect(line.replace(/^Bearer /, '').replaceAll(/([a-z_]+)="(?:[^"\\]|\\.)*"(?:, )?/g, '')).toBe('');
  }
  expect(odd.missing).toContain('scope="ok"');
  expect(odd.insufficient(['x"y', 'good'])).toContain('scope="good"');
});
