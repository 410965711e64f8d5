/** What one caller would see and be allowed, told from the configuration. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import { callerPlans, callerPlanText } from '../../src/process/caller-plan.ts';
import { oneRoute } from '../support/one-route.ts';

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
  rule 1 Allow, tool a/look: applies
  rule 2 Allow, tool a/change: does not apply: lacks the scope write
  rule 3 Allow, tool a/paint: does not apply: its claim team is "blue", not "red"
  rule 4 Allow, everything: does not apply: its condition does not hold
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

test('rules of the settings come first, with what they name', () => {
  const own = oneRoute({
    securityPolicy: { authorization: { rules: [{ target: target('look') }] } },
    security: {
      authorization: {
        rules: [
          {
            target: {
              prompts: [{ backend: 'a', prompt: 'greet' }],
              resources: [{ backend: 'a', uri: 'm://{x}' }],
            },
          },
        ],
      },
    },
  });
  const lines = callerPlanText(callerPlans(own, {})).split('\n');
  expect(lines.map((line) => line.trim())).toEqual([
    'route r',
    'rule 1 Allow, prompt a/greet, resource a/m://{x}: applies',
    'rule 2 Allow, tool a/look: applies',
    'a',
    'tool look: allowed (rule 2)',
    'every other tool: denied (by default)',
    'prompt greet: allowed (rule 1)',
    'every other prompt: denied (by default)',
    'resource m://{x}: allowed (rule 1)',
    'every other resource: denied (by default)',
    '',
  ]);
});

const rule = (claim: object): object => ({ source: { jwt: { claims: [claim] } } });

test('what depends on the call, and why a claim does not match, is said', () => {
  const own = oneRoute({
    securityPolicy: {
      oauth: {
        issuer: 'https://as.example.com',
        protectedResourceMetadata: { resource: 'https://gw.example.com/mcp' },
      },
      authorization: {
        rules: [
          rule({ name: 'roles', values: ['admin', 'root'] }),
          rule({ name: 'org.team', values: ['red'] }),
          { target: target('look'), cel: 'request.mcp.params.arguments.n < 10' },
        ],
      },
    },
  });
  const lines = callerPlanText(callerPlans(own, { roles: ['admin'] })).split('\n');
  expect(lines.slice(1, 6).map((line) => line.trim())).toEqual([
    'rule 1 Allow, everything: does not apply: its claim roles is a list, for which the rule needs valueType: StringArray',
    'rule 2 Allow, everything: does not apply: has no claim org.team, which must be "red"',
    'rule 3 Allow, tool a/look: applies where its condition on what is called holds',
    'a',
    'tool look: allowed with some parameters (rule 3)',
  ]);
});
