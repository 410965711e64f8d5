/**
 * The shape of `spec.securityPolicy` of an MCPRoute, as in its CRD (aigateway.envoyproxy.io/v1beta1): fields and rules, no
 * meaning.
 */
import * as z from 'zod';
import { backendSettings } from './envoy-settings.ts';
import { action, backendReference, duration, localReference, secretReference, weightedBackend } from './names.ts';
import { fieldOf, fields, flag, has, keyed, list, members, ruled, text, whole, word, wordOf } from './shape.ts';

const absoluteUri = (says: string): z.ZodString =>
  text({ format: 'uri', wants: 'an http:// or https:// URL' })
    .check(({ value, issues }) => {
      const url = URL.parse(value);
      if (url?.protocol === 'https:' || url?.protocol === 'http:') return;
      issues.push({
        code: 'custom',
        input: value,
        message: 'not a web address',
        params: { remedy: 'Give an http:// or https:// URL' },
      });
    })
    .describe(says);

const valueReference = ruled(
  fields({
    type: word('Inline', 'ValueRef').default('Inline'),
    inline: text().optional(),
    valueRef: localReference().optional(),
  }),
  (keys) =>
    fieldOf(keys, 'type') === 'ValueRef'
      ? has(keys, 'valueRef') && !has(keys, 'inline')
      : has(keys, 'inline') && !has(keys, 'valueRef'),
  {
    says: 'Exactly one of inline or valueRef must be set with correct type.',
    remedy: 'Give "inline" with type Inline, or "valueRef" with type ValueRef',
  },
);

function retry(value: unknown): unknown {
  return fieldOf(fieldOf(value, 'backendSettings'), 'retry');
}

function remoteKeys() {
  const shape = fields({
    uri: text({ min: 1, max: 253, wants: 'the URL of the keys' }).describe('Where the keys are fetched.'),
    cacheDuration: duration().default('300s').describe('How long they are kept.'),
    backendRef: backendReference({}).optional(),
    backendRefs: list(weightedBackend(), 16).optional(),
    backendSettings: backendSettings().optional(),
  });
  return ruled(
    ruled(
      ruled(shape, (keys) => !has(keys, 'backendRef'), {
        says: 'BackendRefs must be used, backendRef is not supported.',
        remedy: 'Write "backendRefs" with one entry',
      }),
      (keys) => !has(fieldOf(retry(keys), 'perRetry'), 'timeout'),
      { says: 'Retry timeout is not supported.', remedy: 'Take it out' },
    ),
    (keys) => !has(fieldOf(retry(keys), 'retryOn'), 'httpStatusCodes'),
    { says: 'HTTPStatusCodes is not supported.', remedy: 'Take them out' },
  );
}

const jwks = ruled(
  ruled(
    fields({
      remoteJWKS: remoteKeys().optional(),
      localJWKS: valueReference
        .optional()
        .describe('The keys themselves, or the ConfigMap that holds them under `jwks`.'),
    }),
    (keys) => has(keys, 'remoteJWKS') || has(keys, 'localJWKS'),
    {
      says: 'either remoteJWKS or localJWKS must be specified',
      remedy: 'Give one of them, or leave out "jwks" to have the keys discovered from the issuer',
    },
  ),
  (keys) => !(has(keys, 'remoteJWKS') && has(keys, 'localJWKS')),
  { says: 'remoteJWKS and localJWKS cannot both be specified', remedy: 'Keep one of the two' },
);

const oauth = fields({
  issuer: absoluteUri('The authorization server whose tokens are accepted.'),
  audiences: list(text(), 32)
    .optional()
    .describe('What a token must be meant for; the `resource` when absent (RFC 8707).'),
  jwks: jwks.optional().describe('The keys that sign tokens; discovered from the issuer when absent.'),
  protectedResourceMetadata: fields({
    resource: absoluteUri('URL of the route as clients know it (RFC 9728 §2).'),
    resourceName: text({ max: 256 }).optional(),
    scopesSupported: list(text(), 32).optional().describe('Scopes that clients are told to ask for.'),
    resourceSigningAlgValuesSupported: list(text(), 16, 1).optional(),
    resourceDocumentation: absoluteUri('A page for developers.').optional(),
    resourcePolicyUri: absoluteUri('A page on how the data may be used.').optional(),
  }).describe('What `/.well-known/oauth-protected-resource` says of the route.'),
  claimToHeaders: list(fields({ claim: text(), header: text() }), 16)
    .optional()
    .describe('Claims of the token that backends get as headers.'),
});

const apiKeyAuth = fields({
  credentialRefs: list(secretReference()).describe('Secrets of which each key is a client and its value the API key.'),
  extractFrom: list(
    fields({
      headers: list(text()).optional(),
      params: list(text()).optional(),
      cookies: list(text()).optional(),
    }),
  ).describe('Where the key of a request is looked for, in this order.'),
  forwardClientIDHeader: text().optional().describe('Header in which backends are told the client.'),
  sanitize: flag().optional().describe('Whether the key is taken out of the request.'),
});

const claim = fields({
  name: text({ min: 1, max: 253, wants: 'the name of a claim' }),
  valueType: word('String', 'StringArray').default('String'),
  values: list(text(), 128, 1),
});

const jwtSource = ruled(
  fields({
    scopes: list(text({ min: 1, max: 253, wants: 'a scope' }), 16).optional(),
    claims: ruled(list(claim, 16), (claims) => !members(claims).some((one) => fieldOf(one, 'name') === 'scope'), {
      says: "'scope' claim name is reserved for OAuth scopes",
      remedy: 'Use "scopes"',
    }).optional(),
  }),
  (jwt) => members(fieldOf(jwt, 'scopes')).length > 0 || members(fieldOf(jwt, 'claims')).length > 0,
  { says: 'either scopes or claims must be specified', remedy: 'Give at least one of them' },
);

const toolTargets = list(fields({ backend: text(), tool: text() }), 16, 1);

function rules<T extends z.ZodType>(target: T) {
  return list(
    fields({
      source: fields({ jwt: jwtSource }).optional().describe('Scopes and claims the token must have, all of them.'),
      target,
      cel: text({ max: 4_096, wants: 'a CEL expression' }).optional().describe('A further condition in CEL.'),
      action: action().default('Allow'),
    }),
    32,
  );
}

const authorization = fields({
  defaultAction: action().default('Deny').describe('What happens to a call that no rule matches.'),
  rules: rules(fields({ tools: toolTargets }).optional().describe('The tools the rule is about; all when absent.'))
    .optional()
    .describe('The first rule that matches decides.'),
});

const contextExtension = ruled(
  fields({
    name: text(),
    type: word('Value', 'ValueRef').default('Value'),
    value: text().optional(),
    valueRef: ruled(
      localReference().extend({ key: text() }),
      (ref) => ['ConfigMap', 'Secret'].includes(wordOf(ref, 'kind')) && ['', 'v1'].includes(wordOf(ref, 'group')),
      {
        says: 'Only a reference to an object of kind ConfigMap or Secret belonging to default v1 API group is supported.',
        remedy: 'Name a ConfigMap or a Secret',
      },
    ).optional(),
  }),
  (extension) =>
    fieldOf(extension, 'type') === 'ValueRef'
      ? has(extension, 'valueRef') && !has(extension, 'value')
      : has(extension, 'value') && !has(extension, 'valueRef'),
  {
    says: 'Exactly one of value or valueRef must be set with correct type.',
    remedy: 'Give "value" with type Value, or "valueRef" with type ValueRef',
  },
);

function refs(value: unknown): readonly unknown[] {
  return members(fieldOf(value, 'backendRefs'));
}

function checkServer<T extends z.core.$ZodLooseShape>(more: T) {
  const shape = fields({
    backendRef: backendReference({}).optional(),
    backendRefs: list(weightedBackend(), 16).optional(),
    backendSettings: backendSettings().optional(),
    ...more,
  });
  return ruled(
    ruled(
      ruled(shape, (server) => has(server, 'backendRef') || refs(server).length > 0, {
        says: 'backendRef or backendRefs needs to be set',
        remedy: 'Name the server that decides',
      }),
      (server) => refs(server).every((ref) => ['Service', 'ServiceImport', 'Backend'].includes(wordOf(ref, 'kind'))),
      {
        says: 'BackendRefs only supports Service, ServiceImport, and Backend kind.',
        remedy: 'Name a Service or a Backend',
      },
    ),
    (server) =>
      refs(server).every((ref) =>
        ['', 'multicluster.x-k8s.io', 'gateway.envoyproxy.io'].includes(wordOf(ref, 'group')),
      ),
    {
      says: 'BackendRefs only supports Core, multicluster.x-k8s.io, and gateway.envoyproxy.io groups.',
      remedy: 'Name a Service or a Backend',
    },
  );
}

const errorStatuses = [
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426,
  428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
] as const;

const extAuth = ruled(
  ruled(
    fields({
      grpc: checkServer({}).optional().describe('A server of Envoy’s ext_authz v3 protocol.'),
      http: ruled(
        checkServer({
          path: text().optional(),
          pathOverride: text().optional(),
          headersToBackend: list(text()).optional(),
        }),
        (server) => !(has(server, 'path') && has(server, 'pathOverride')),
        { says: 'only one of path or pathOverride can be specified', remedy: 'Keep one of the two' },
      )
        .optional()
        .describe('A server that answers 200 to let a request pass.'),
      failOpen: flag().default(false).describe('Whether a request passes when the server cannot be asked.'),
      headersToExtAuth: list(text()).optional().describe('Headers of the request that the server is shown.'),
      bodyToExtAuth: fields({ maxRequestBytes: whole(1) })
        .optional()
        .describe('How much of the body it is shown.'),
      timeout: duration().optional(),
      statusOnError: z
        .literal([...errorStatuses], { error: 'an HTTP status such as 503' })
        .optional()
        .describe('Status when the server cannot be asked; 403 when absent.'),
      contextExtensions: keyed(list(contextExtension), 'name', 'two context extensions with one name').optional(),
      recomputeRoute: flag().optional(),
      includeRouteMetadata: flag().optional(),
    }),
    (auth) => has(auth, 'grpc') || has(auth, 'http'),
    { says: 'one of grpc or http must be specified', remedy: 'Give one of them' },
  ),
  (auth) => !(has(auth, 'grpc') && has(auth, 'http')),
  { says: 'only one of grpc or http can be specified', remedy: 'Keep one of the two' },
);

export const securityShape = ruled(
  fields({
    oauth: oauth.optional().describe('Clients bring an access token of an authorization server.'),
    apiKeyAuth: apiKeyAuth.optional().describe('Clients bring an API key.'),
    extAuth: extAuth.optional().describe('Another server decides on each request.'),
    authorization: authorization.optional().describe('Who may call which tool.'),
  }),
  (policy) =>
    has(policy, 'oauth') ||
    !has(policy, 'authorization') ||
    // Without rules the CRD's own rule cannot be evaluated, so the API server refuses the document.
    (has(fieldOf(policy, 'authorization'), 'rules') &&
      !members(fieldOf(fieldOf(policy, 'authorization'), 'rules')).some((rule) => has(fieldOf(rule, 'source'), 'jwt'))),
  {
    says: 'oauth must be configured when any authorization rule uses a jwt source',
    remedy: 'Give "oauth", or take "source" out of the rules',
  },
);

/** Rules of the settings: their targets are not of tools alone. */
export const furtherRulesShape = rules(
  ruled(
    fields({
      tools: toolTargets.optional(),
      prompts: list(fields({ backend: text(), prompt: text({ min: 1 }).optional() }), 16, 1)
        .optional()
        .describe('All prompts of the backend where none is named.'),
      resources: list(fields({ backend: text(), uri: text({ min: 1 }).optional() }), 16, 1)
        .optional()
        .describe('By the URI, or the template, that the backend lists; all where none is named.'),
    }),
    (target) => ['tools', 'prompts', 'resources'].some((kind) => has(target, kind)),
    { says: 'a target that names nothing', remedy: 'Give tools, prompts or resources, or leave out "target"' },
  )
    .optional()
    .describe('What the rule is about; everything when absent.'),
);

export type RuleText = z.infer<typeof furtherRulesShape>[number];
export type SecurityText = z.infer<typeof securityShape>;
export type ExtAuthText = NonNullable<SecurityText['extAuth']>;
export type OAuthText = NonNullable<SecurityText['oauth']>;
