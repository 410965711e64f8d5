/** What one caller would see and be allowed, told from the configuration. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import { callerPlans, callerPlanText } from '../../src/process/caller-plan.ts';

const target = (tool: string): object => ({ tools: [{ backend: 'a', tool }] });
const config = readConfig(
  JSON.stringify({
    mcpServers: { a: { url: 'http://a/mcp' }, b: { url: 'http://b/mcp' } },
    manifold: {
      routes: {
        r: {
          servers: ['a', 'b'],
          backendSelector: { rules: [{ cel: 'request.mcp.backend == "a"' }] },
          securityPolicy: {
            oauth: {
              issuer: 'https://as.example.com',
              protectedResourceMetadata: { resource: 'https://gw.example.com/mcp' },
            },
            authorization: {
              rules: [
                { source: { jwt: { scopes: ['read'] } }, target: target('look') },
                { source: { jwt: { scopes: ['read', 'write'] } }, target: target('change') },
                { source: { jwt: { claims: [{ name: 'team', values: ['red'] }] } }, target: target('paint') },
                { cel: 'request.auth.jwt.claims.sub == "bob"' },
              ],
            },
          },
        },
      },
    },
  }),
  'f',
  {},
);

test('rule by rule, and thing by thing', () => {
  const text = callerPlanText(callerPlans(config, { sub: 'alice', scope: 'read', team: 'blue' }));
  expect(text).toBe(`route r
  rule 1 Allow: is about this caller
  rule 2 Allow: lacks the scopes write
  rule 3 Allow: its claim team does not match
  rule 4 Allow: its condition does not hold
  a
    tool look: allowed (rule 1)
    tool change: denied (by default; the scopes read write would open it)
    tool paint: denied (by default)
    every other tool: denied (by default)
    every other prompt: denied (by default)
    every other resource: denied (by default)
  b: not selected for this caller
`);
});

test('a rule without a target is about all kinds', () => {
  const [plan] = callerPlans(config, { sub: 'bob' });
  expect(plan?.rules.map(({ matches }) => matches)).toEqual([false, false, false, true]);
  expect(plan?.upstreams[0]?.things.every(({ allow, rule }) => allow && rule === 4)).toBe(true);
});
