/** What security has beyond `securityPolicy`, and the tokens that upstreams get → settings of ours. No secret stands in them. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { OAuthClientIdentity, RevocationConfig, RouteSecurity, TokenConfig, UpstreamGrant } from '../security.ts';
import { durationText } from './duration.ts';

/**
 * Puts a secret into a Secret and gives the reference to it. `path` is where it stands in the file that is written anew, `key` what it is
 * called in the Secret.
 */
export type KeepSecret = (
  name: string,
  key: 'client-secret' | 'private-key',
  value: string,
  path: JsonPath,
) => { readonly name: string };

/** Undefined when there is nothing. `name` begins the names of its Secrets; `path` is that of the settings in the file. */
export function securitySettingsText(
  { oauth, authorization, revocation, egress }: RouteSecurity,
  name: string,
  path: JsonPath,
  keep: KeepSecret,
): object | undefined {
  const { kinds, celErrorAction } = authorization ?? {};
  const { tokens, furtherIssuers, relaysServerMetadata, isDefault } = oauth ?? {};
  const at = [...path, 'oauth'];
  const ofOAuth = {
    ...tokensText(tokens ?? {}, `${name}-introspection`, at, keep),
    ...(furtherIssuers !== undefined && {
      issuers: furtherIssuers.map((one, i) => ({
        issuer: one.issuer,
        audiences: one.audiences,
        ...(one.keys.kind === 'remote' && { jwksUri: one.keys.url }),
        ...tokensText(one.tokens ?? {}, `${name}-introspection-${i + 1}`, [...at, 'issuers', i], keep),
      })),
    }),
    ...(relaysServerMetadata === true && { relayServerMetadata: true }),
    ...(isDefault === true && { isDefault }),
  };
  const ofAuthorization = {
    ...(kinds !== undefined && { kinds }),
    ...(celErrorAction !== undefined && { celErrorAction }),
  };
  const settings = {
    ...(Object.keys(ofOAuth).length > 0 && { oauth: ofOAuth }),
    ...(Object.keys(ofAuthorization).length > 0 && { authorization: ofAuthorization }),
    ...(revocation !== undefined && { revocation: revocationText(revocation) }),
    ...(egress !== undefined && { egress }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function tokensText(
  { maxTokenAgeSeconds, introspection, ...rest }: TokenConfig,
  name: string,
  path: JsonPath,
  keep: KeepSecret,
): object {
  const { clientId, credential, ...asked } = introspection ?? {};
  return {
    ...rest,
    ...(maxTokenAgeSeconds !== undefined && { maxTokenAge: durationText(maxTokenAgeSeconds * 1_000) }),
    ...(clientId !== undefined &&
      credential !== undefined && {
        introspection: { ...clientText({ clientId, credential }, name, [...path, 'introspection'], keep), ...asked },
      }),
  };
}

/** `name` is that of its Secret, `path` that of the grant in the file. */
export function grantText(
  { kind, clientId, credential, ...rest }: UpstreamGrant,
  name: string,
  path: JsonPath,
  keep: KeepSecret,
): object {
  const client = clientText({ clientId, credential }, name, [...path, kind], keep);
  return { [kind]: { ...client, ...rest } };
}

function clientText(
  { clientId, credential }: OAuthClientIdentity,
  name: string,
  path: JsonPath,
  keep: KeepSecret,
): object {
  const id = clientId === '' ? {} : { clientId };
  switch (credential.method) {
    case 'none':
      return id;
    case 'private_key_jwt': {
      const { privateKey, algorithm, kid } = credential;
      const privateKeyRef = keep(name, 'private-key', privateKey, [...path, 'privateKey']);
      return { ...id, privateKeyRef, algorithm, ...(kid !== undefined && { keyId: kid }) };
    }
    default: {
      const { method, secret } = credential;
      return { ...id, clientSecretRef: keep(name, 'client-secret', secret, [...path, 'clientSecret']), method };
    }
  }
}

function revocationText({ notBefore, principals, tokens }: RevocationConfig): object {
  return {
    ...(notBefore !== undefined && { notBefore: momentText(notBefore) }),
    ...(principals.length > 0 && {
      principals: principals.map(({ iss, sub, notBefore: from }) => ({
        issuer: iss,
        subject: sub,
        ...(from !== undefined && { notBefore: momentText(from) }),
      })),
    }),
    ...(tokens.length > 0 && { tokens }),
  };
}

function momentText(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}
