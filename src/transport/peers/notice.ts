/**
 * What replicas and workers tell one another: news that only one of them has, and that nobody says twice (protocol.md D8). All of it
 * is best effort: whoever misses a notice serves a session as its token says, and a list as it kept it, for a while.
 */
import * as z from 'zod';
import { isLogLevel, type LogLevel } from '../../protocol/log-levels.ts';

/** Longest JSON text of a request id that is told to others. */
const maxRequestIdChars = 512;
/** Longest URI that is watched for a session (wishes.ts). */
export const maxWatchedUriChars = 2_048;

/** Longest name of whom a list is kept for (client.ts). */
const maxAudienceChars = 128;

/** base64url of the session's 16 bytes. */
const jti = z.base64url().length(22);
/** Unix seconds. */
const expiresAt = z.int().positive();

const notice = z.discriminatedUnion('kind', [
  /** It ended before its time. */
  z.strictObject({ kind: z.literal('ended'), jti, expiresAt }),
  /** Its client has taken back a request, whose id is raw JSON, that is not under way where this was heard. */
  z.strictObject({ kind: z.literal('cancelled'), jti, requestId: z.string().min(1).max(maxRequestIdChars) }),
  /** Its client has set the level of log messages. */
  z.strictObject({ kind: z.literal('level'), jti, level: z.custom<LogLevel>(isLevel), expiresAt }),
  /** Its client wants to be told of a resource, by the upstream's own URI, or no longer. */
  z.strictObject({
    kind: z.literal('watching'),
    jti,
    upstream: z.uint32(),
    uri: z.string().max(maxWatchedUriChars),
    on: z.boolean(),
    expiresAt,
  }),
  /** What an upstream lists has changed, for one audience or for all. */
  z.strictObject({
    kind: z.literal('changed'),
    upstream: z.uint32(),
    list: z.enum(['tools', 'prompts', 'resources']),
    audience: z.string().max(maxAudienceChars).optional(),
  }),
]);

export type Notice = z.infer<typeof notice>;

/** Tells the others. Resolves when those that could be reached have heard it; never rejects. */
export type Tell = (notice: Notice) => Promise<void>;

/** `at`: when it was told, in Unix seconds. */
const toldNotice = z.strictObject({ notice, at: z.int().positive() });

/** A notice as it travels between replicas; undefined for what is none. */
export function readNotice(text: string): { readonly notice: Notice; readonly at: number } | undefined {
  try {
    return toldNotice.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function isLevel(value: unknown): boolean {
  return typeof value === 'string' && isLogLevel(value);
}
