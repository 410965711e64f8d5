/** docs/oauth.md: its examples are read without a fault, and each setting that it names exists by that name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readConfig } from '../../src/config/read.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/oauth.md'), 'utf8');
const reference = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

interface Example {
  readonly securityPolicy?: object;
  readonly security?: object;
  readonly backends?: object;
  readonly metadata?: { readonly annotations: Readonly<Record<string, string>> };
}

const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => parse(text!) as Example);
/** With what the examples refer to. */
const secrets = ['gateway-client', 'gateway-at-idp', 'gateway-at-files'];
const names = ['github', 'files', 'weather'];

function documents({ securityPolicy, metadata, ...settings }: Example): string {
  const written = metadata?.annotations['manifold.dev/settings'] ?? stringify(settings);
  const objects = [
    {
      apiVersion: 'aigateway.envoyproxy.io/v1beta1',
      kind: 'MCPRoute',
      metadata: { name: 'r', namespace: 'default', annotations: { 'manifold.dev/settings': written } },
      spec: {
        parentRefs: [{ name: 'g', kind: 'Gateway', group: 'gateway.networking.k8s.io' }],
        backendRefs: names.map((name) => ({ name, kind: 'Backend', group: 'gateway.envoyproxy.io' })),
        securityPolicy: securityPolicy ?? {
          oauth: {
            issuer: 'https://as.example.com',
            protectedResourceMetadata: { resource: 'https://gw.example.com/mcp' },
          },
          authorization: { rules: [{ source: { jwt: { scopes: ['a'] } } }] },
        },
      },
    },
    ...names.map((name) => ({
      apiVersion: 'gateway.envoyproxy.io/v1alpha1',
      kind: 'Backend',
      metadata: { name, namespace: 'default' },
      spec: { endpoints: [{ fqdn: { hostname: `${name}.example.com`, port: 443 } }] },
    })),
    ...secrets.map((name) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      stringData: { 'client-secret': 's' },
    })),
  ];
  return objects.map((one) => JSON.stringify(one)).join('\n---\n');
}

test('its examples are configurations', () => {
  expect(examples.length).toBeGreaterThan(3);
  for (const example of examples) {
    const [route] = readConfig(documents(example), 'oauth.md', {}).routes;
    expect(route?.security?.oauth).toBeDefined();
    const granted = route!.upstreams.filter(({ grant }) => grant !== undefined);
    expect(granted.length > 0).toBe(JSON.stringify(example).includes('grant'));
  }
});

test('what it calls settings of identity providers are settings', () => {
  const sections = page.slice(page.indexOf('## Keycloak'), page.indexOf('## Claude'));
  const settings =
    'audiences audienceClaims bindClaim impliedScopes issuers requireAtJwt scopesSupported assertedAt assumePkce audience ' +
    'clientCredentials clientId omitResource scopes subjectTokenType tokenExchange userConsent';
  for (const name of settings.split(' ')) {
    expect(sections, name).toMatch(new RegExp(`\\b${name}\\b`));
    expect(reference, name).toMatch(new RegExp(`[.\`]${name}\\b`));
  }
});
