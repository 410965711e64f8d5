/**
 * The shape of an MCPRoute, as in its CRD (aigateway.envoyproxy.io, v1beta1 and v1alpha1, which are identical): fields and rules,
 * no meaning.
 */
import type * as z from 'zod';
import {
  action,
  backendReference,
  groupName,
  hostName,
  kindName,
  namespaceName,
  objectName,
  port,
  secretReference,
  sectionName,
} from './names.ts';
import { securityShape } from './security-shape.ts';
import { fieldOf, fields, has, keyed, list, members, ruled, text, word } from './shape.ts';

const patterns = () => list(text({ wants: 'an RE2 pattern' }), 32).optional();

/** `include` or `includeRegex`, `exclude` or `excludeRegex`, at least one of the four. */
export function selectorShape(what: string) {
  const names = () => list(text({ wants: `the name of a ${what}` }), 32).optional();
  const shape = fields({
    include: names().describe(`The ${what}s to show, by the names the backend gives them.`),
    includeRegex: patterns().describe('The same by RE2 patterns, which match anywhere in the name.'),
    exclude: names().describe(`${what[0]!.toUpperCase()}${what.slice(1)}s to leave out, even when included.`),
    excludeRegex: patterns().describe('The same by RE2 patterns.'),
  });
  return ruled(
    ruled(
      ruled(shape, (selector) => !(has(selector, 'include') && has(selector, 'includeRegex')), {
        says: 'include and includeRegex are mutually exclusive',
        remedy: 'Keep one of the two',
      }),
      (selector) => !(has(selector, 'exclude') && has(selector, 'excludeRegex')),
      { says: 'exclude and excludeRegex are mutually exclusive', remedy: 'Keep one of the two' },
    ),
    (selector) => ['include', 'includeRegex', 'exclude', 'excludeRegex'].some((name) => has(selector, name)),
    {
      says: 'at least one of include, includeRegex, exclude, or excludeRegex must be specified',
      remedy: 'Give one, or leave out the selector to show all',
    },
  );
}

const apiKey = ruled(
  ruled(
    fields({
      secretRef: secretReference().optional().describe('A Secret that holds the key under `apiKey`.'),
      inline: text().optional().describe('The key itself; better `${VAR}`.'),
      header: text({ min: 1, wants: 'the name of a header' })
        .optional()
        .describe('The header that carries it; `Authorization`, which gets `Bearer ` in front, when absent.'),
      queryParam: text({ min: 1, wants: 'the name of a query parameter' })
        .optional()
        .describe('The query parameter that carries it, instead of a header.'),
    }),
    (key) => has(key, 'secretRef') !== has(key, 'inline'),
    { says: 'exactly one of secretRef or inline must be set', remedy: 'Keep or give one of the two' },
  ),
  (key) => !(has(key, 'header') && has(key, 'queryParam')),
  { says: 'only one of header or queryParam can be set', remedy: 'Keep one of the two' },
);

const backend = backendReference({
  path: text({ max: 1_024 }).default('/mcp').describe('Path of the MCP endpoint of the backend.'),
  toolSelector: selectorShape('tool').optional().describe('Which of its tools exist for clients.'),
  securityPolicy: fields({ apiKey: apiKey.optional() }).optional().describe('The credential that the backend wants.'),
  forwardHeaders: list(
    fields({
      name: text({ min: 1, wants: 'the name of a header' }),
      backendHeader: text({ min: 1, wants: 'the name of a header' }).optional(),
    }),
    32,
  )
    .optional()
    .describe('Headers of the client that the backend gets, under another name with `backendHeader`.'),
});

export const headersShape = keyed(
  list(
    fields({
      name: text({
        min: 1,
        max: 256,
        pattern: /^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$/,
        wants: 'the name of a header',
      }),
      value: text({ min: 1, max: 4_096, wants: 'the value to compare with' }),
      type: word('Exact', 'RegularExpression').default('Exact'),
    }),
    16,
  ),
  'name',
  'two matches for one header',
);

export const backendSelectorShape = fields({
  defaultAction: action().default('Deny').describe('What happens to a backend that no rule matches.'),
  rules: list(
    fields({ cel: text({ max: 4_096, wants: 'a CEL expression' }).optional(), action: action().default('Allow') }),
    32,
  )
    .optional()
    .describe('CEL over `request`; the first rule that matches decides.'),
});

const parentReference = fields({
  group: groupName().default('gateway.networking.k8s.io'),
  kind: kindName().default('Gateway'),
  name: objectName(),
  namespace: namespaceName().optional(),
  port: port().optional(),
  sectionName: sectionName().optional(),
});

export const routeSpec = fields({
  parentRefs: ruled(
    list(parentReference, 16, 1),
    (refs) => members(refs).every((ref) => fieldOf(ref, 'kind') === 'Gateway'),
    { says: 'only Gateway is supported', remedy: 'Name a Gateway' },
  ).describe('The Gateways it is served by; their listeners give host names and ports.'),
  path: text({ max: 1_024 }).default('/mcp').describe('Path of the endpoint, compared exactly.'),
  hostnames: list(hostName(), 16)
    .optional()
    .describe('Host names it answers to, exact or `*.`; every one when absent.'),
  headers: headersShape.optional().describe('Headers a request must have, all of them.'),
  backendRefs: ruled(
    list(backend, 256, 1),
    (refs) => {
      const names = members(refs).map((ref) => fieldOf(ref, 'name'));
      return new Set(names).size === names.length;
    },
    { says: 'all backendRefs names must be unique', remedy: 'Rename one or take it out' },
  ).describe('The MCP servers behind it, in the order in which they are listed.'),
  backendSelector: backendSelectorShape.optional().describe('Which of them a session gets.'),
  securityPolicy: securityShape.optional().describe('Who may use the route.'),
});

export type RouteSpec = z.infer<typeof routeSpec>;
export type BackendRefText = RouteSpec['backendRefs'][number];
export type SelectorText = NonNullable<BackendRefText['toolSelector']>;
export type HeaderMatchText = NonNullable<RouteSpec['headers']>[number];
