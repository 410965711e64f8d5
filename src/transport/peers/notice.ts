/**
 * What replicas and workers tell one another: news that only one of them has, and that nobody says twice. All of it is best effort:
 * whoever misses a notice serves a session as its token says, and a list as it kept it, for a while. How notices travel has two
 * formats, and both are read:
 *
 *     1   {"notice":{…},"at":1800000000}                    one notice; what is not known is refused as a whole
 *     2   {"version":2,"at":1800000000,"notices":[{…},…]}   many; those of a kind that is not known are passed over
 *
 * A replica that reads the second says so in each of its answers, so the first is written to whoever has not said so yet.
 */
import * as z from 'zod';
import { isLogLevel, type LogLevel } from '../../protocol/log-levels.ts';

/** Longest JSON text of a request id that is told to others. */
export const maxRequestIdChars = 512;
/** Longest URI that is watched for a session (wishes.ts). */
export const maxWatchedUriChars = 2_048;

/** Longest name of whom a list is kept for (client.ts). */
const maxAudienceChars = 128;

/** Longest name of an upstream with its route. */
const maxUpstreamNameChars = 1_024;

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

/** Tells the others. Resolves when those that could be reached have heard it; never rejects. */
export type Tell = (notice: Notice) => Promise<void>;

/** Whether it is within the bounds of a notice. What a client has sent must be, before it goes to workers or replicas. */
export function isTellable(candidate: Notice): boolean {
  return notice.safeParse(candidate).success;
}

export type NoticeFormat = 1 | 2;
export const newestNoticeFormat: NoticeFormat = 2;
/** Longest notice as JSON, in bytes: one of the first format with its frame has to fit the 8 KiB that release 0.1 reads. */
export const maxNoticeBytes = 8_192 - 64;
/** Notices in one message. */
export const maxNotices = 512;

/** `at`: when they were told, in Unix seconds. */
export interface Told {
  readonly notices: readonly Notice[];
  readonly at: number;
}

const at = z.int().positive();
const toldOne = z.strictObject({ notice, at });
const toldMany = z.object({ version: z.literal(2), at, notices: z.array(z.unknown()).max(maxNotices) });

/** The text of a message. `notices` are JSON texts; the first format takes one. */
export function writeNotices(format: NoticeFormat, notices: readonly string[], nowSeconds: number): string {
  if (format === 1) return `{"notice":${notices[0]},"at":${nowSeconds}}`;
  return `{"version":2,"at":${nowSeconds},"notices":[${notices.join()}]}`;
}

/** What a message of another replica says, in either format; undefined for what is none. */
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
  // A later release may tell of more, and say more of each: that must not cost what is understood.
  return { notices: many.notices.flatMap((candidate) => readLater(candidate) ?? []), at: many.at };
}

function readLater(candidate: unknown): Notice | undefined {
  const read = notice.safeParse(candidate);
  if (read.success) return read.data;
  // Members that are not known are left out, and the rest is judged alone.
  const kind = z.object({ kind: z.string() }).safeParse(candidate).data?.kind;
  const known = notice.options.find(({ shape }) => shape.kind.value === kind);
  if (known === undefined || typeof candidate !== 'object' || candidate === null) return undefined;
  const members = Object.entries(candidate).filter(([name]) => Object.hasOwn(known.shape, name));
  return notice.safeParse(Object.fromEntries(members)).data;
}

function isLevel(value: unknown): boolean {
  return typeof value === 'string' && isLogLevel(value);
}
