/** The settings of security that an MCPRoute has no field for, read from the annotation. */
import { describe, expect, test } from 'vitest';
import type { AuthorizationConfig } from '../../../src/config/security.ts';
import { aRoute, reading, type Reading } from './reading.ts';

const policy = `  securityPolicy:
    oauth:
      issuer: https://as.example.com
      audiences: [a]
      protectedResourceMetadata: { resource: "https://gw.example.com/mcp" }
    authorization: { rules: [{ target: { tools: [{ backend: s, tool: look }] } }] }`;

function withSettings(security: object, spec = policy): Reading {
  const settings = JSON.stringify({ security });
  const metadata = `metadata:\n  name: r\n  annotations:\n    manifold.dev/settings: '${settings}'`;
  return reading(aRoute(spec).replace('metadata: { name: r }', metadata));
}

function rulesOf(rules: readonly object[]): AuthorizationConfig | undefined {
  const { routes, faults } = withSettings({ authorization: { rules } });
  expect(faults).toEqual([]);
  return routes[0]?.security?.authorization;
}

describe('rules', () => {
  test('come before those of the policy, and name things of each kind', () => {
    const source = { jwt: { scopes: ['read'], claims: [{ name: 'team', values: ['red'] }] } };
    const target = {
      tools: [{ backend: 's', tool: 'other' }],
      prompts: [{ backend: 's', prompt: 'greet' }, { backend: 's' }],
      resources: [{ backend: 's', uri: 'memo://{day}' }, { backend: 's' }],
    };
    const authorization = rulesOf([{ source, target, cel: 'true', action: 'Deny' }]);
    expect(authorization?.first).toEqual([
      {
        action: 'Deny',
        source: { scopes: ['read'], claims: [{ name: 'team', valueType: 'String', values: ['red'] }] },
        tools: [{ upstream: 's', tool: 'other' }],
        prompts: [{ upstream: 's', prompt: 'greet' }, { upstream: 's' }],
        resources: [{ upstream: 's', uri: 'memo://{day}' }, { upstream: 's' }],
        cel: 'true',
      },
    ]);
    expect(authorization?.rules).toEqual([{ action: 'Allow', tools: [{ upstream: 's', tool: 'look' }] }]);
  });

  test('of a backend that the route does not have match nothing, which is said', () => {
    const { warnings } = withSettings({ authorization: { rules: [{ target: { prompts: [{ backend: 'ss' }] } }] } });
    expect(warnings.join('\n')).toContain('the route has no such backend (is it "s"?), so this matches nothing');
  });

  test('that name nothing, or name it twice over, are at fault', () => {
    const { faults } = withSettings({
      authorization: {
        rules: [
          { target: {} },
          { target: { prompts: [] } },
          { target: { prompts: [{ backend: 's', tool: 'x' }] } },
          { source: { jwt: {} } },
        ],
      },
    });
    expect(faults.map((text) => /rules\[\d\].*/.exec(text)?.[0])).toEqual([
      expect.stringContaining('rules[0].target: a target that names nothing'),
      expect.stringContaining('rules[1].target.prompts: an empty list'),
      expect.stringContaining('rules[2].target.prompts[0].tool: unknown field'),
      expect.stringContaining('rules[3].source.jwt: either scopes or claims must be specified'),
    ]);
  });

  test('with a condition that is no CEL are at fault', () => {
    const { faults } = withSettings({ authorization: { rules: [{}, { cel: 'true &&' }] } });
    expect(faults.join('\n')).toContain('rules[1].cel: not an expression of CEL');
  });

  test('without a policy that has rules are at fault', () => {
    const { faults } = withSettings({ authorization: { rules: [{}] } }, '');
    expect(faults.join('\n')).toContain('the route has no securityPolicy.authorization');
  });
});

test('conditions that open what they were to stop are warned of', () => {
  const noMatch = { authorization: { celErrorAction: 'noMatch' } };
  const open = policy.replace(
    '{ rules: [',
    '{ defaultAction: Allow, rules: [{ action: Deny, cel: request.mcp.params.a == 1 }, ',
  );
  const said = 'a Deny rule whose condition fails lets pass what it was to stop';
  expect(withSettings(noMatch, open).warnings.join('\n')).toContain(said);
  expect(withSettings({ authorization: { celErrorAction: 'deny' } }, open).warnings.join('\n')).not.toContain(said);
  expect(withSettings(noMatch).warnings.join('\n')).not.toContain(said);
});

test('tokens for whatever audience are taken with a warning only', () => {
  const { routes, warnings } = withSettings({
    oauth: { allowAnyAudience: true, issuers: [{ issuer: 'https://other.example.com', allowAnyAudience: true }] },
  });
  expect(routes[0]?.security?.oauth?.tokens).toEqual({ allowAnyAudience: true });
  expect(warnings.filter((text) => text.includes('tokens that were issued for other services are taken here'))).toEqual(
    [
      expect.stringContaining('security.oauth.allowAnyAudience'),
      expect.stringContaining('security.oauth.issuers[0].allowAnyAudience'),
    ],
  );
});
