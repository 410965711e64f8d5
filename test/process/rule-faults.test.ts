/** Conditions that no caller could meet, and keys that verify nothing, are faults before anything is served. */
import { expect, test } from 'vitest';
import { securityFaults } from '../../src/process/rule-faults.ts';
import { oneRoute } from '../support/one-route.ts';

test('each is told with its place', () => {
  const oauth = {
    issuer: 'https://as.example.com',
    protectedResourceMetadata: { resource: 'https://gw.example.com/mcp' },
    jwks: { localJWKS: { inline: '{"keys":[{"kty":"oct","k":"AA"}]}' } },
  };
  const config = oneRoute({
    securityPolicy: { oauth, authorization: { rules: [{ cel: 'true' }, { cel: 'unknown == 1' }] } },
    security: { authorization: { rules: [{ cel: 'true' }, { cel: 'other == 1' }] } },
    backendSelector: { rules: [{ cel: '1 + 1' }] },
  });
  expect(securityFaults(config).map(({ path }) => path)).toEqual([
    'route r: security.authorization.rules[1]',
    'route r: securityPolicy.authorization.rules[1]',
    'route r: backendSelector.rules[0]',
    'route r: securityPolicy.oauth.jwks',
  ]);
});
