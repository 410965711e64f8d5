import { expect, test } from 'vitest';
import { metadataDocument, metadataPath, metadataUrl, resourceFault } from '../../src/oauth/resource-metadata.ts';

test.each([
  ['https://gw.example.com/mcp', '/.well-known/oauth-protected-resource/mcp'],
  ['https://gw.example.com/a/b', '/.well-known/oauth-protected-resource/a/b'],
  ['https://gw.example.com', '/.well-known/oauth-protected-resource'],
  ['https://gw.example.com/', '/.well-known/oauth-protected-resource'],
  ['https://gw.example.com/mcp/', '/.well-known/oauth-protected-resource/mcp/'],
  ['https://gw.example.com/mcp?tenant=1', '/.well-known/oauth-protected-resource/mcp?tenant=1'],
])('the metadata of %s stands at %s', (resource, path) => {
  expect(metadataPath(resource)).toBe(path);
});

test('the URL keeps scheme, host and port', () => {
  expect(metadataUrl('http://localhost:1975/mcp')).toBe(
    'http://localhost:1975/.well-known/oauth-protected-resource/mcp',
  );
});

test('the document says what is configured, character by character, and nothing that is not', () => {
  expect(
    JSON.parse(
      metadataDocument({
        resource: 'https://GW.example.com/mcp',
        authorizationServers: ['https://as.example.com/', 'https://other.example.com'],
        scopesSupported: ['read', 'offline_access'],
        resourceName: 'Tools',
        signingAlgorithms: ['ES256'],
        documentation: 'https://example.com/docs',
        policyUri: 'https://example.com/policy',
      }),
    ),
  ).toEqual({
    resource: 'https://GW.example.com/mcp',
    authorization_servers: ['https://as.example.com/', 'https://other.example.com'],
    scopes_supported: ['read'],
    bearer_methods_supported: ['header'],
    resource_name: 'Tools',
    resource_signing_alg_values_supported: ['ES256'],
    resource_documentation: 'https://example.com/docs',
    resource_policy_uri: 'https://example.com/policy',
  });
  expect(
    Object.keys(JSON.parse(metadataDocument({ resource: 'https://a/b', authorizationServers: ['https://c'] }))),
  ).toEqual(['resource', 'authorization_servers', 'bearer_methods_supported']);
});

test.each(['/mcp', 'ftp://gw.example.com/', 'https://gw.example.com/mcp#', 'https://user:pass@gw.example.com/'])(
  '%s is no resource identifier',
  (resource) => {
    expect(resourceFault(resource)).toBeDefined();
  },
);

test('an ordinary identifier is one', () => {
  expect(resourceFault('https://gw.example.com/mcp')).toBeUndefined();
});
