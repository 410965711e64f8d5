/**
 * The shape of security settings without a field in MCPRoute: token checks, tokens for backends, revocation, outbound
 * connections.
 */
import type * as z from 'zod';
import { duration, secretReference } from './names.ts';
import { fields, flag, has, list, named, ruled, text, word } from './shape.ts';

const url = (): z.ZodString =>
  text({ min: 1, max: 2_048, pattern: /^https?:\/\//, wants: 'an http:// or https:// URL' }).check(
    ({ value, issues }) => {
      if (!/^https?:\/\//.test(value) || URL.canParse(value)) return;
      const params = { remedy: 'Give an http:// or https:// URL' };
      issues.push({ code: 'custom', input: value, message: 'not a web address', params });
    },
  );
const moment = (): z.ZodString =>
  text({ pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, wants: 'a time such as 2026-01-31T12:00:00Z' });

const egressShape = fields({
  allowLoopback: flag().optional().describe('This machine, with http as well.'),
  allowPrivate: flag().optional().describe('Addresses of RFC 1918, RFC 6598 and RFC 4193, with https.'),
  allowPlainPrivate: flag().optional().describe('Those with http, too.'),
});

/** The gateway as a client of an authorization server. */
const clientFields = {
  clientId: text({ min: 1, wants: 'a client id' }),
  clientSecret: text({ min: 1, wants: 'the secret, best as ${VAR}' }).optional(),
  clientSecretRef: secretReference().optional().describe('Secret that holds it under `client-secret`.'),
  privateKey: text({ min: 1, wants: 'a private key as PEM, best as ${VAR}' })
    .optional()
    .describe('Signs instead of a secret.'),
  privateKeyRef: secretReference().optional().describe('Secret that holds it under `private-key`.'),
  algorithm: text({ min: 1, wants: 'an algorithm such as ES256' }).default('ES256').describe('Of the private key.'),
  keyId: text().optional(),
  method: word('client_secret_basic', 'client_secret_post').default('client_secret_basic'),
};

const introspection = fields({
  ...clientFields,
  endpoint: url().optional().describe('What the metadata of the issuer says when absent.'),
  always: flag().optional().describe('Asks about JWTs too, so that a revoked one ends.'),
  allowMissingAudience: flag().optional(),
});

const tokenFields = {
  allowAnyAudience: flag().optional().describe('Accepts tokens for any audience, as Envoy AI Gateway does.'),
  audienceClaims: list(text({ min: 1 }), 8, 1)
    .optional()
    .describe('Claims that name the audience; `aud` when absent.'),
  allowClientAudience: flag().optional(),
  requireAtJwt: flag().optional().describe('Takes `typ: at+jwt` alone (RFC 9068).'),
  maxTokenAge: duration().optional().describe('Since the token was issued.'),
  impliedScopes: named(list(text({ min: 1 }), 64))
    .optional()
    .describe('Scopes that a scope stands for as well.'),
  bindClaim: text({ min: 1 }).optional().describe('A claim that sessions are bound to besides the subject.'),
  introspection: introspection.optional().describe('For opaque tokens (RFC 7662).'),
};

const issuer = fields({
  issuer: url(),
  audiences: list(text(), 32).optional().describe('The `resource` when absent.'),
  jwksUri: url().optional().describe('Discovered from the issuer when absent.'),
  ...tokenFields,
});

export const securitySettingsShape = fields({
  oauth: fields({
    ...tokenFields,
    issuers: list(issuer, 16).optional().describe('Further issuers, whose tokens are taken as well.'),
    relayServerMetadata: flag()
      .optional()
      .describe('Serves a copy of the metadata of the issuer, for clients of 2025-03-26.'),
    isDefault: flag().optional().describe('Of several routes of a host its metadata stands at the root.'),
  }).optional(),
  authorization: fields({
    kinds: list(word('tool', 'prompt', 'resource'), 3, 1)
      .optional()
      .describe('What the rules are for; everything when absent.'),
    celErrorAction: word('deny', 'noMatch').optional().describe('What a Deny rule does whose condition fails.'),
  }).optional(),
  revocation: fields({
    notBefore: moment().optional().describe('Credentials and sessions issued earlier are invalid.'),
    principals: list(
      fields({
        issuer: text({ min: 1, wants: 'the issuer, or "apikey"' }),
        subject: text({ min: 1, wants: 'the subject, or the client of an API key' }),
        notBefore: moment().optional().describe('Absent: all credentials and sessions of the principal are invalid.'),
      }),
      1_000,
    ).optional(),
    tokens: list(text({ min: 1, wants: 'the `jti` of a token' }), 10_000).optional(),
  }).optional(),
  egress: egressShape.optional().describe('Where keys, metadata and tokens may be fetched besides public addresses.'),
});

const grantFields = fields({
  ...clientFields,
  issuer: url(),
  tokenEndpoint: url().optional().describe('What the metadata of the issuer says when absent.'),
  resource: url().optional().describe('The backend as RFC 8707 names it.'),
  audience: text({ min: 1 }).optional().describe('For servers that do not support `resource`.'),
  scopes: list(text({ min: 1 }), 32).optional(),
  egress: egressShape.optional(),
});

const exchangeFields = fields({
  ...grantFields.shape,
  subjectTokenType: text({ min: 1, wants: 'a URN or a URL' })
    .optional()
    .describe('What the server calls the token of the caller; an access token when absent.'),
  assertedAt: fields({
    ...clientFields,
    issuer: url(),
    tokenEndpoint: url().optional().describe('What the metadata of the issuer says when absent.'),
  })
    .optional()
    .describe(
      'The authorization server of the backend, where the issuer gives an assertion for it (ID-JAG) in place of a token for the backend.',
    ),
});

const consentFields = fields({
  ...clientFields,
  clientId: text({ min: 1, wants: 'a client id' })
    .optional()
    .describe('When absent, the gateway is known by a document of its own, or registers itself.'),
  issuer: url(),
  resource: url().optional().describe('The backend as RFC 8707 names it; its URL when absent.'),
  omitResource: flag().optional().describe('Asks without `resource`, for servers that refuse it.'),
  audience: text({ min: 1 }).optional().describe('Asked for besides, at servers that want it.'),
  assumePkce: flag().optional().describe('For a server that has PKCE with S256, and whose metadata does not say so.'),
  scopes: list(text({ min: 1 }), 32).optional(),
  egress: egressShape.optional(),
});

/** A token that the gateway gets for a backend. */
export const grantShape = ruled(
  fields({
    clientCredentials: grantFields.optional().describe('A token of the gateway.'),
    tokenExchange: exchangeFields.optional().describe('One for the caller, in exchange for its own (RFC 8693).'),
    userConsent: consentFields
      .optional()
      .describe('One that the user gives permission for, by a link; see [OAuth](oauth.md).'),
  }),
  (grant) => ['clientCredentials', 'tokenExchange', 'userConsent'].filter((kind) => has(grant, kind)).length === 1,
  { says: 'not one of clientCredentials, tokenExchange and userConsent', remedy: 'Give one of them' },
);

export type SecuritySettings = z.infer<typeof securitySettingsShape>;
export type GrantText = z.infer<typeof grantShape>;
export type TokenText = Pick<z.infer<typeof issuer>, keyof typeof tokenFields>;
export type ClientText = Pick<z.infer<typeof introspection>, keyof typeof clientFields>;
