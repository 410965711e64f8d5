/**
 * SSE event ids: a position in a stream, made of the event ids of its upstreams, so that any replica can resume the stream
 * (2025-11-25 basic/transports §Resumability and Redelivery). Bound to the session and to the kind of stream; any other event id
 * is invalid.
 */
import { boundChars, openBound, sealBound } from './bound.ts';
import { OctetReader, uint32, varint } from './octets.ts';
import type { Random } from './seal.ts';
import type { OpenSession } from './token.ts';

interface UpstreamEvent {
  /** `upstreamHash` of the upstream. */
  readonly upstream: number;
  /** The last event id that the upstream sent. */
  readonly eventId: string;
}

/** The stream that answers one POST, or the GET stream that merges those of all upstreams. */
export type StreamPosition =
  | {
      readonly kind: 'post';
      /** 8 bytes that identify the stream. */
      readonly stream: Buffer;
      readonly upstream: number;
      readonly eventId: string;
    }
  | {
      readonly kind: 'merged';
      /** Upstreams that sent an id, the most recent first. */
      readonly vector: readonly UpstreamEvent[];
    };

export interface SealedEventId {
  /** Undefined when the position cannot be sealed: the event is then sent without an id and cannot be resumed after. */
  readonly text: string | undefined;
  /** Upstreams that did not fit: events missed from them are lost after a resumption. */
  readonly dropped: readonly number[];
}

/** Clients send the id back in a header, beside the session token and the access token. */
const maxEventIdChars = 2_048;
const streamIdBytes = 8;

const none: readonly number[] = [];

/**
 * Whether an upstream's event id comes back to it unchanged in `Last-Event-ID`: visible ASCII, with spaces only in between (RFC
 * 9110 §5.5). Servers read other characters in different ways, and spaces at the ends are removed. A stream cannot be resumed
 * after an event with any other id, or with an empty one.
 */
export function canBeResumedAfter(eventId: string): boolean {
  return /^[!-~](?:[ -~]*[!-~])?$/.test(eventId);
}

/**
 * The least recent upstreams are left out if the text would exceed 2,048 characters. An id that no header can carry is not
 * sealed: the text would promise a resumption that the upstream cannot perform.
 */
export function sealEventId(session: OpenSession, position: StreamPosition, random: Random): SealedEventId {
  if (position.kind === 'post') {
    if (!canBeResumedAfter(position.eventId)) return { text: undefined, dropped: [position.upstream] };
    if (position.stream.length !== streamIdBytes) throw new RangeError('a stream id has 8 bytes');
    const payload = Buffer.concat([position.stream, uint32(position.upstream), Buffer.from(position.eventId, 'utf8')]);
    if (boundChars(session, payload.length) > maxEventIdChars) return { text: undefined, dropped: [position.upstream] };
    return { text: sealBound(session, 'evt', 'post', payload, random), dropped: none };
  }
  const kept: Buffer[] = [];
  const dropped: number[] = [];
  let bytes = 0;
  for (const { upstream, eventId } of position.vector) {
    const id = Buffer.from(eventId, 'utf8');
    const entry = Buffer.concat([uint32(upstream), varint(id.length), id]);
    if (!canBeResumedAfter(eventId) || boundChars(session, bytes + entry.length) > maxEventIdChars)
      dropped.push(upstream);
    else {
      kept.push(entry);
      bytes += entry.length;
    }
  }
  const text = kept.length === 0 ? undefined : sealBound(session, 'evt', 'merged', Buffer.concat(kept), random);
  return { text, dropped: dropped.length === 0 ? none : dropped };
}

/** Undefined for any text that is not an event id of this session, and after the session's expiry. */
export function openEventId(session: OpenSession, text: string, nowSeconds: number): StreamPosition | undefined {
  if (text.length > maxEventIdChars) return undefined;
  const post = openBound(session, 'evt', 'post', text, nowSeconds);
  if (post !== undefined) {
    const reader = new OctetReader(post);
    const stream = reader.take(streamIdBytes);
    return { kind: 'post', stream, upstream: reader.u32(), eventId: reader.rest().toString('utf8') };
  }
  const merged = openBound(session, 'evt', 'merged', text, nowSeconds);
  if (merged === undefined) return undefined;
  const reader = new OctetReader(merged);
  const vector: UpstreamEvent[] = [];
  while (reader.left > 0) {
    vector.push({ upstream: reader.u32(), eventId: reader.take(reader.varint()).toString('utf8') });
  }
  return { kind: 'merged', vector };
}
