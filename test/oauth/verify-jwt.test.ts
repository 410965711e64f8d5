import {
  CompactEncrypt,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type JWK,
  type JWTPayload,
} from 'jose';
import { expect, test } from 'vitest';
import { maxTokenChars } from '../../src/oauth/presented.ts';
import { CredentialsRefused } from '../../src/oauth/verified.ts';
import { claimedIssuer, looksLikeJwt, maxKeysTried, verifyJwt, type JwtRules } from '../../src/oauth/verify-jwt.ts';

const now = 1_800_000_000;
const resource = 'https://gw.example.com/mcp';
const rules: JwtRules = { issuer: 'https://as.example.com', audiences: [resource] };
const claims: JWTPayload = { iss: rules.issuer, sub: 'alice', aud: resource, exp: now + 600, iat: now };

const pair = await generateKeyPair('ES256', { extractable: true });
const published: JWK = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' };
const keys = createLocalJWKSet({ keys: [published] });

function signed(payload: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt', ...header })
    .sign(pair.privateKey);
}

async function outcome(token: string, changed: Partial<JwtRules> = {}, at = now): Promise<string> {
  return verifyJwt(token, keys, { ...rules, ...changed }, at).then(
    ({ principal }) => (principal === 'anonymous' ? principal : principal.sub),
    (fault: unknown) => (fault instanceof CredentialsRefused ? 'refused' : String(fault)),
  );
}

test('a token of ours holds', async () => {
  expect(await outcome(await signed(claims))).toBe('alice');
});

test.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
  ['another issuer', { ...claims, iss: `${rules.issuer}/` }],
  ['no issuer', { ...claims, iss: undefined }],
  ['no expiry', { ...claims, exp: undefined }],
  ['another audience', { ...claims, aud: 'https://other.example.com' }],
  ['no audience', { ...claims, aud: undefined }],
  ['the typ of an ID-JAG', claims, { typ: 'oauth-id-jag+jwt' }],
  ['a critical extension', claims, { crit: ['x'], x: 1 }],
  ['an unknown key', claims, { kid: 'two' }],
  ['a key bound to it', { ...claims, cnf: { jkt: 'x' } }],
])('refused: %s', async (_what, payload, header) => {
  const token = await signed(payload, header).catch(async () => {
    // Jose does not sign what it does not understand.
    const [, body, signature] = (await signed(payload)).split('.');
    return `${Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'one', ...header })).toString('base64url')}.${body}.${signature}`;
  });
  expect(await outcome(token)).toBe('refused');
});

test('dates count with 60 s between the clocks', async () => {
  const token = await signed({ ...claims, nbf: now });
  expect(await outcome(token, {}, now + 659)).toBe('alice');
  expect(await outcome(token, {}, now + 661)).toBe('refused');
  expect(await outcome(token, {}, now - 59)).toBe('alice');
  expect(await outcome(token, {}, now - 61)).toBe('refused');
});

test('a changed token, an unsigned one and one signed with a public secret are refused', async () => {
  const token = await signed(claims);
  const [head, body, signature] = token.split('.');
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url');
  expect(await outcome(`${head}.${forged}.${signature}`)).toBe('refused');
  expect(await outcome(`${head}.${body}.`)).toBe('refused');
  expect(await outcome(new UnsecuredJWT(claims).encode())).toBe('refused');
  const symmetric = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .sign(Buffer.from(JSON.stringify(published).padEnd(64)));
  expect(await outcome(symmetric, { algorithms: ['HS256', 'ES256'] })).not.toBe('alice');
  expect(await outcome(symmetric)).toBe('refused');
});

test('only algorithms of the list hold', async () => {
  expect(await outcome(await signed(claims), { algorithms: ['RS256'] })).toBe('refused');
});

test('an encrypted token is refused, as nobody here can read it', async () => {
  const encrypted = await new CompactEncrypt(Buffer.from('{}'))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .encrypt((await generateKeyPair('ECDH-ES')).publicKey);
  expect(looksLikeJwt(encrypted)).toBe(false);
  expect(await outcome(encrypted)).toBe('refused');
});

test('a token may have 8,192 characters', async () => {
  const long = await signed({ ...claims, x: 'x'.repeat(6_000) });
  const base = long.length;
  const fitting = await signed({ ...claims, x: 'x'.repeat(6_000 + Math.floor(((maxTokenChars - base) * 3) / 4)) });
  expect(fitting.length).toBeLessThanOrEqual(maxTokenChars);
  expect(await outcome(fitting)).toBe('alice');
  expect(await outcome(await signed({ ...claims, x: 'x'.repeat(6_400) }))).toBe('refused');
  expect(claimedIssuer('a'.repeat(maxTokenChars + 1))).toBeUndefined();
});

test('a token that names no key is tried with those that could be meant, eight at most', async () => {
  const others = await Promise.all(
    Array.from({ length: maxKeysTried }, async () =>
      exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey),
    ),
  );
  const anonymousToken = await signed(claims, { kid: undefined });
  const within = createLocalJWKSet({ keys: [...others.slice(1), published] });
  const beyond = createLocalJWKSet({ keys: [...others, published] });
  expect((await verifyJwt(anonymousToken, within, rules, now)).principal).toMatchObject({ sub: 'alice' });
  await expect(verifyJwt(anonymousToken, beyond, rules, now)).rejects.toThrow(CredentialsRefused);
});

test('a fault of the keys is not one of the token', async () => {
  const down = new Error('down');
  await expect(verifyJwt(await signed(claims), () => Promise.reject(down), rules, now)).rejects.toBe(down);
});

test('the claimed issuer is read from anything without a fault', async () => {
  expect(claimedIssuer(await signed(claims))).toBe(rules.issuer);
  for (const junk of [
    '',
    'a',
    'a.b.c',
    'ey.bnVsbA.c',
    'ey.MQ.c',
    `ey.${Buffer.from('{"iss":1}').toString('base64url')}.c`,
  ]) {
    expect(claimedIssuer(junk)).toBeUndefined();
  }
});
