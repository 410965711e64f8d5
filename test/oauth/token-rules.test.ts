import { expect, test } from 'vitest';
import { judgeClaims, judgeType, type TokenRules } from '../../src/oauth/token-rules.ts';
import { CredentialsRefused } from '../../src/oauth/verified.ts';

const now = 1_800_000_000;
const resource = 'https://gw.example.com/mcp';
const rules: TokenRules = { issuer: 'https://as.example.com', audiences: [resource] };
const claims = {
  iss: rules.issuer,
  sub: 'alice',
  aud: resource,
  exp: now + 60,
  iat: now,
  client_id: 'app',
  scope: 'read',
};

function judged(more: Record<string, unknown>, changed: Partial<TokenRules> = {}): unknown {
  return judgeClaims({ ...claims, ...more }, { ...rules, ...changed }, now).principal;
}

const alice = { iss: rules.issuer, sub: 'alice', bind: '' };

test('a caller is what the token says, without the scopes among the claims', () => {
  expect(
    judgeClaims({ ...claims, scp: ['write'], groups: ['a'] }, { ...rules, impliedScopes: { write: ['list'] } }, now),
  ).toEqual({
    principal: alice,
    scopes: new Set(['read', 'write', 'list']),
    claims: {
      iss: rules.issuer,
      sub: 'alice',
      aud: resource,
      exp: now + 60,
      iat: now,
      client_id: 'app',
      groups: ['a'],
    },
    expiresAt: now + 60,
    issuedAt: now,
  });
});

test('the audience must be ours', () => {
  expect(judged({ aud: ['https://other', resource] })).toEqual(alice);
  for (const aud of [
    'https://other',
    ['https://other'],
    `${resource}/`,
    resource.toUpperCase(),
    [],
    '',
    undefined,
    1,
    [[resource]],
  ]) {
    expect(() => judged({ aud })).toThrow(CredentialsRefused);
  }
  expect(() => judged({}, { audiences: [] })).toThrow(CredentialsRefused);
  expect(judged({ aud: 'https://other' }, { allowAnyAudience: true })).toEqual(alice);
  expect(
    judged({ aud: 'account', azp: 'gateway' }, { audiences: ['gateway'], audienceClaims: ['aud', 'azp'] }),
  ).toEqual(alice);
});

test('an audience that is only the client is that of an ID token', () => {
  const own = { aud: 'app', azp: 'app' };
  expect(() => judged(own, { allowAnyAudience: true })).toThrow('only audience');
  expect(() => judged({ aud: ['app'] }, { audiences: ['app'] })).toThrow('only audience');
  expect(judged(own, { audiences: ['app'], allowClientAudience: true })).toEqual(alice);
});

test('ID, refresh and key-bound tokens are refused', () => {
  expect(() => judged({ nonce: 'n', scope: undefined })).toThrow('ID token');
  expect(() => judged({ at_hash: 'h', scope: undefined })).toThrow('ID token');
  expect(judged({ nonce: 'n' })).toEqual(alice);
  expect(() => judged({ typ: 'ID' })).toThrow(CredentialsRefused);
  expect(() => judged({ typ: 'Refresh' })).toThrow(CredentialsRefused);
  expect(judged({ typ: 'Bearer' })).toEqual(alice);
  expect(() => judged({ cnf: { jkt: 'x' } })).toThrow('cnf');
});

test('the subject is sub, or else the client; one of them there must be', () => {
  expect(judged({ sub: undefined })).toEqual({ ...alice, sub: 'app' });
  expect(() => judged({ sub: undefined, client_id: undefined })).toThrow(CredentialsRefused);
  expect(() => judged({ sub: 7, client_id: '' })).toThrow(CredentialsRefused);
});

test('sessions may stick to a claim, which is required then', () => {
  expect(judged({}, { bindClaim: 'client_id' })).toEqual({ ...alice, bind: 'app' });
  expect(() => judged({}, { bindClaim: 'tid' })).toThrow('tid');
});

test('the age may be bounded', () => {
  expect(judged({ iat: now - 160 }, { maxTokenAgeSeconds: 100 })).toEqual(alice);
  expect(() => judged({ iat: now - 161 }, { maxTokenAgeSeconds: 100 })).toThrow('too old');
  expect(() => judged({ iat: undefined }, { maxTokenAgeSeconds: 100 })).toThrow('iat');
});

test('typ', () => {
  for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt']) judgeType(typ, rules);
  for (const typ of ['id+jwt', 'oauth-id-jag+jwt', 'logout+jwt', 'dpop+jwt', '', 1]) {
    expect(() => judgeType(typ, rules)).toThrow(CredentialsRefused);
  }
  expect(() => judgeType('JWT', { ...rules, requireAtJwt: true })).toThrow(CredentialsRefused);
  expect(() => judgeType(undefined, { ...rules, requireAtJwt: true })).toThrow(CredentialsRefused);
  judgeType('at+jwt', { ...rules, requireAtJwt: true });
});
