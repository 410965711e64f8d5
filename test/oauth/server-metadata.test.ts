import { expect, test } from 'vitest';
import { believedMetadata, metadataCandidates } from '../../src/oauth/server-metadata.ts';

test('an issuer with a path: both insertions, then the appended form', () => {
  expect(metadataCandidates('https://as.example.com/realms/one/')).toEqual([
    'https://as.example.com/.well-known/oauth-authorization-server/realms/one',
    'https://as.example.com/.well-known/openid-configuration/realms/one',
    'https://as.example.com/realms/one/.well-known/openid-configuration',
  ]);
});

test('an issuer without a path: two places', () => {
  expect(metadataCandidates('https://as.example.com')).toEqual([
    'https://as.example.com/.well-known/oauth-authorization-server',
    'https://as.example.com/.well-known/openid-configuration',
  ]);
});

test('a document is believed when it is about the issuer, character by character, and its URLs are URLs', () => {
  const issuer = 'https://as.example.com';
  expect(believedMetadata({ issuer, jwks_uri: 'https://keys.example.com/', more: 1 }, issuer)).toMatchObject({
    more: 1,
  });
  for (const document of [
    { issuer: `${issuer}/` },
    { issuer: 'https://AS.example.com' },
    {},
    null,
    'x',
    [],
    { issuer, jwks_uri: 1 },
    { issuer, token_endpoint: 'not a URL' },
  ]) {
    expect(believedMetadata(document, issuer)).toBeUndefined();
  }
});
