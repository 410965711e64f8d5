/**
 * What replicas and workers tell one another: news that one of them has learned and that is sent once. Delivery is best effort.
 * A replica that misses a notice continues with what the session token says, and with its cached list, for a while. A message of
 * notices has two formats; both are read:
 *
 *     1   {"notice":{…},"at":1800000000}                    one notice; an unknown one is refused as a whole
 *     2   {"version":2,"at":1800000000,"notices":[{…},…]}   many; notices of an unknown kind are skipped
 *
 * A replica that reads format 2 says so in each of its answers. A replica that has not said so yet gets format 1.
 */
import * as z from 'zod';
import { isLogLevel, type LogLevel } from '../../protocol/log-levels.ts';

/** Maximum length of a request id in a notice, as JSON text in UTF-16 units. */
export const maxRequestIdChars = 512;
/** Maximum length of a watched URI in a notice, in UTF-16 units (wishes.ts). */
export const maxWatchedUriChars = 2_048;

/** Maximum length of an audience, in UTF-16 units (client.ts). */
const maxAudienceChars = 128;

/** Longest name of an upstream with its route. */
const maxUpstreamNameChars = 1_024;

/** base64url of the session's 16 bytes. */
const jti = z.base64url().length(22);
/** Unix seconds. */
const expiresAt = z.int().positive();

const notice = z.discriminatedUnion('kind', [
  /** The session was ended before its expiry. */
  z.strictObject({ kind: z.literal('ended'), jti, expiresAt }),
  /** The client cancelled a request that is not in progress at the sender. The id is raw JSON text. */
  z.strictObject({ kind: z.literal('cancelled'), jti, requestId: z.string().min(1).max(maxRequestIdChars) }),
  /** The client set the log level. */
  z.strictObject({ kind: z.literal('level'), jti, level: z.custom<LogLevel>(isLevel), expiresAt }),
  /** The client starts or stops watching a resource, named by the upstream's own URI. */
  z.strictObject({
    kind: z.literal('watching'),
    jti,
    upstream: z.uint32(),
    uri: z.string().max(maxWatchedUriChars),
    on: z.boolean(),
    expiresAt,
  }),
  /** A list of an upstream has changed, for one audience or for all. */
  z.strictObject({
    kind: z.literal('changed'),
    upstream: z.uint32(),
    list: z.enum(['tools', 'prompts', 'resources']),
    audience: z.string().max(maxAudienceChars).optional(),
  }),
  /**
   * A user has given an upstream permission. `principalId`: see `Caller`; `upstream`: key of its route, `/`, and its id; `told`: the
   * session that has shown the link, and the id of that elicitation.
   */
  z.strictObject({
    kind: z.literal('consented'),
    principalId: z.base64url().length(43),
    upstream: z.string().max(maxUpstreamNameChars),
    told: z.strictObject({ jti, elicitationId: z.uuid() }).optional(),
  }),
]);

export type Notice = z.infer<typeof notice>;

/** Sends a notice to the others. Resolves when all that could be reached have processed it; never rejects. */
export type Tell = (notice: Notice) => Promise<void>;

/** Whether the notice is within its bounds. Check data from clients with this before it is sent to workers or replicas. */
export function isTellable(candidate: Notice): boolean {
  return notice.safeParse(candidate).success;
}

export type NoticeFormat = 1 | 2;
export const newestNoticeFormat: NoticeFormat = 2;
/** Maximum length of a notice as JSON, in bytes. With its frame in format 1 it must fit the 8 KiB that release 0.1 reads. */
export const maxNoticeBytes = 8_192 - 64;
/** Maximum number of notices in one message. */
export const maxNotices = 512;

/** `at`: when the message was sent, in Unix seconds. */
export interface Told {
  readonly notices: readonly Notice[];
  readonly at: number;
}

const at = z.int().positive();
const toldOne = z.strictObject({ notice, at });
const toldMany = z.object({ version: z.literal(2), at, notices: z.array(z.unknown()).max(maxNotices) });

/** The text of a message. `notices` are JSON texts; format 1 takes exactly one. */
export function writeNotices(format: NoticeFormat, notices: readonly string[], nowSeconds: number): string {
  if (format === 1) return `{"notice":${notices[0]},"at":${nowSeconds}}`;
  return `{"version":2,"at":${nowSeconds},"notices":[${notices.join()}]}`;
}

/** Reads a message of another replica in either format; undefined if it is invalid. */
export function readNotices(text: string): Told | undefined {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return undefined;
  }
  const one = toldOne.safeParse(root).data;
  if (one !== undefined) return { notices: [one.notice], at: one.at };
  const many = toldMany.safeParse(root).data;
  if (many === undefined) return undefined;
  // A later release may add kinds and members. They must not make the known parts unreadable.
  return { notices: many.notices.flatMap((candidate) => readLater(candidate) ?? []), at: many.at };
}

function readLater(candidate: unknown): Notice | undefined {
  const read = notice.safeParse(candidate);
  if (read.success) return read.data;
  // Unknown members are ignored, and the rest is validated.
  const kind = z.object({ kind: z.string() }).safeParse(candidate).data?.kind;
  const known = notice.options.find(({ shape }) => shape.kind.value === kind);
  if (known === undefined || typeof candidate !== 'object' || candidate === null) return undefined;
  const members = Object.entries(candidate).filter(([name]) => Object.hasOwn(known.shape, name));
  return notice.safeParse(Object.fromEntries(members)).data;
}

function isLevel(value: unknown): boolean {
  return typeof value === 'string' && isLogLevel(value);
}
