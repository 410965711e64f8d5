/**
 * The shape of this gateway's own settings, which have no field in MCPRoute: in an annotation of the MCPRoute, which Envoy
 * ignores, and in the key `manifold` of an mcpServers file, which clients ignore. Both have the same shape.
 */
import * as z from 'zod';
import { duration } from './names.ts';
import { backendSelectorShape, headersShape, selectorShape } from './route-shape.ts';
import { hostName } from './names.ts';
import { grantShape, securitySettingsShape } from './security-settings-shape.ts';
import { securityShape } from './security-shape.ts';
import { anything, fieldOf, fields, flag, has, list, named, ruled, text, whole, word } from './shape.ts';

/** The annotation of an MCPRoute; its value is YAML or JSON. */
export const settingsAnnotation = 'manifold.dev/settings';
export const annotationPrefix = 'manifold.dev/';

const toolOverride = fields({
  rename: text({
    min: 1,
    max: 128,
    pattern: /^[A-Za-z0-9_./-]+$/,
    wants: 'a tool name: letters, digits, "_", "-", "." and "/"',
  })
    .optional()
    .describe('The name that clients see, before the prefix.'),
  title: text({ max: 256 }).optional().describe('In place of the title.'),
  description: text({ max: 4_096 }).optional().describe('In place of the description.'),
  annotations: fields({
    title: text({ max: 256 }).optional(),
    readOnlyHint: flag().optional(),
    destructiveHint: flag().optional(),
    idempotentHint: flag().optional(),
    openWorldHint: flag().optional(),
  })
    .optional()
    .describe('Hints that are set or replaced.'),
  arguments: named(
    ruled(
      fields({
        preset: anything().optional().describe('Always sent, and removed from the schema that clients see.'),
        hidden: flag().default(false).describe('Left out of the schema that clients see, and not sent.'),
      }),
      (argument) => has(argument, 'preset') || fieldOf(argument, 'hidden') === true,
      { says: 'neither preset nor hidden', remedy: 'Give "preset", "hidden: true" or both' },
    ),
  )
    .optional()
    .describe('By the name of the argument.'),
});

const backendSettings = fields({
  timeouts: fields({
    connect: duration().optional().describe('Time to connect; default 5s.'),
    firstByte: duration().optional().describe('From sending until the head of the answer; unlimited unless given.'),
    silence: duration().optional().describe('Longest silence of one call; progress starts it anew. 5m unless given.'),
    call: duration().optional().describe('Duration of the whole call, regardless of progress; default 1h.'),
  }).optional(),
  retries: fields({
    attempts: whole(0, 10).describe(
      'Further attempts for what was never sent, and for reads; a call that may have been sent is never sent twice.',
    ),
    baseDelay: duration().default('100ms'),
    maxDelay: duration().default('2s'),
  }).optional(),
  breaker: z
    .union(
      [
        word('off'),
        fields({
          failures: whole(1, 1_000)
            .default(5)
            .describe('Failures in a row that open it: no connection, no answer in time, 502, 503 or 504.'),
          open: duration()
            .default('10s')
            .describe('Wait until one request may try, whose outcome closes it or opens it again.'),
        }),
      ],
      { error: '"off", or an object with "failures" and "open"' },
    )
    .optional(),
  concurrency: fields({
    calls: whole(1, 100_000).describe('Requests under way at once, in each process.'),
    queue: whole(0, 100_000)
      .default(0)
      .describe('Requests that may wait for their turn; beyond it 503 with `Retry-After`.'),
  }).optional(),
  tls: ruled(
    fields({
      serverName: text({ min: 1, max: 253 })
        .optional()
        .describe('Server name that is sent and that the certificate must match, instead of the host of the URL.'),
      caFile: text({ min: 1 }).optional().describe('PEM file of the trusted authorities, instead of the public ones.'),
      certificateFile: text({ min: 1 }).optional().describe('PEM file of the certificate that is shown to the server.'),
      keyFile: text({ min: 1 }).optional().describe('PEM file of its key.'),
      minVersion: word('1.2', '1.3').optional(),
      verify: flag().optional().describe('`false` takes any certificate: for tests alone.'),
    }),
    (tls) => has(tls, 'certificateFile') === has(tls, 'keyFile'),
    { says: 'one of certificateFile and keyFile without the other', remedy: 'Give both' },
  )
    .optional()
    .describe(
      'TLS settings of the connection. Relative paths begin at the working directory; changed files are read again.',
    ),
  unixSocket: text({ min: 1, max: 107, pattern: /^\//, wants: 'an absolute path' })
    .optional()
    .describe('Path of the Unix socket that stands for the host of the URL.'),
  era: word('auto', 'legacy', 'modern').optional().describe('The era in which it is called.'),
  onSessionLoss: word('reinitialize', 'error').optional(),
  acknowledgeTokenPassthrough: flag()
    .optional()
    .describe('Must be true for `forwardHeaders` to name `Authorization`, `Cookie` or `Proxy-Authorization`.'),
  passthroughAudience: text({ min: 1, wants: 'an audience, or "*" for any' })
    .optional()
    .describe(
      'What the `aud` of an access token that is passed on must hold; the URL of the backend when absent. `*` passes on tokens for whomever they are.',
    ),
  promptSelector: selectorShape('prompt').optional().describe('Which of its prompts exist for clients.'),
  resourceSelector: selectorShape('resource').optional().describe('Which of its resources exist, by URI.'),
  tools: named(toolOverride)
    .optional()
    .describe('Overrides, by the name the backend gives the tool. A renamed tool answers to its new name only.'),
  grant: grantShape.optional().describe('A token that the gateway gets for it.'),
  public: flag().optional().describe('Its lists may be shared by all principals.'),
});

/** In an MCPRoute. */
export const settingsShape = fields({
  backends: named(backendSettings).optional().describe('By the name of the backend.'),
  security: securitySettingsShape.optional().describe('What `securityPolicy` has no field for.'),
});

const jsonRoute = fields({
  path: text({ max: 1_024 }).default('/mcp').describe('Path of the endpoint, compared exactly.'),
  hostnames: list(hostName(), 16).optional().describe('Host names it answers to; every one when absent.'),
  headers: headersShape.optional().describe('Headers a request must have, all of them.'),
  servers: list(text({ min: 1, wants: 'the name of a server' }), 256, 1).describe('Names of servers of the file.'),
  backendSelector: backendSelectorShape.optional(),
  securityPolicy: securityShape.optional(),
  security: securitySettingsShape.optional().describe('What `securityPolicy` has no field for.'),
});

/** In an mcpServers file. */
export const fileSettingsShape = fields({
  backends: named(backendSettings).optional().describe('By the name of the server.'),
  routes: named(jsonRoute).optional().describe('Routes by name, instead of the one at /mcp with all servers.'),
});

export type BackendSettings = z.infer<typeof backendSettings>;
export type JsonRoute = z.infer<typeof jsonRoute>;
