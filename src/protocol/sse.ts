/**
 * Server-sent events (HTML §9.2), read from chunks of bytes and written as bytes, as used by Streamable HTTP (2025-11-25
 * basic/transports §Resumability and Redelivery). eventsource-parser reads them.
 */
import { isUtf8 } from 'node:buffer';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage, EventSourceParser } from 'eventsource-parser';

import { GatewayError } from '../errors.ts';
import { withoutMark } from './byte-order-mark.ts';
import { checkedIn, minCheckedBytes, noteCheckedPart } from './checked.ts';
import { Gathered } from './gathered.ts';
import { maxEventBytes } from './limits.ts';

export interface SseEvent {
  /** Empty in a priming event. */
  readonly data: string;
  /** The id of this event itself; undefined if it has none. */
  readonly id: string | undefined;
  readonly event: string | undefined;
  /** The data as it came, where that is large and known already. */
  readonly bytes?: Buffer | undefined;
}

/** The data of an event as bytes. */
export function bytesOf({ data, bytes }: SseEvent): Buffer {
  return bytes ?? Buffer.from(data);
}

const lineEnds = [Buffer.from('\n\n'), Buffer.from('\n\r'), Buffer.from('\r\r')] as const;

/**
 * Decodes one stream. Unlike a browser it passes on events with an id and no data: the owner resumes from them (SEP-1699
 * priming). If a callback throws, the decoder must not be used any more, as after a fault of the stream.
 */
export class SseDecoder {
  readonly #onEvent: (event: SseEvent) => void;
  readonly #onRetry: (ms: number) => void;
  readonly #maxEventBytes: number;
  readonly #parser: EventSourceParser;
  /** Bytes since the last blank line. */
  #pendingBytes = 0;
  /** The incomplete line. The parser would keep an object for each piece of it. */
  readonly #line = new Gathered(dataFrom);
  /** The last large line of data. */
  #large: Buffer | undefined;
  /** The last byte of the previous chunk: a blank line may span two chunks. */
  #lastByte = 0;
  /** The id of a finished block whose data, if any, arrives with the parser's next call. */
  #bareId: string | undefined;

  constructor(
    onEvent: (event: SseEvent) => void,
    onRetry: (ms: number) => void,
    limits: { readonly maxEventBytes: number } = { maxEventBytes },
  ) {
    this.#onEvent = onEvent;
    this.#onRetry = onRetry;
    this.#maxEventBytes = limits.maxEventBytes;
    // Without `onError` the parser creates no Error for each unknown line. Its own size limit would then end it silently, and
    // counts only characters of data, while a peer's empty lines cost much more. So the bytes are counted here.
    this.#parser = createParser({
      onEvent: (message) => this.#deliver(message),
      onId: (id) => {
        this.#deliverBareId();
        this.#bareId = id;
      },
      onRetry: (ms) => {
        this.#deliverBareId();
        this.#onRetry(ms);
      },
    });
  }

  /** Throws `upstream_too_large` for an event of more than `maxEventBytes`, and `upstream_malformed` for bytes that are not UTF-8. */
  feed(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const begun = lastBlankLine(chunk, this.#lastByte);
    this.#lastByte = chunk[chunk.length - 1] ?? 0;
    this.#pendingBytes = begun < 0 ? this.#pendingBytes + chunk.length : chunk.length - begun;
    if (this.#pendingBytes > this.#maxEventBytes) throw tooLarge(this.#pendingBytes);
    const ended = lastLineEnd(chunk);
    if (ended === 0) {
      this.#line.append(chunk);
      return;
    }
    const rest = chunk.subarray(ended);
    this.#line.append(rest.length === 0 ? chunk : chunk.subarray(0, ended));
    const lines = this.#line.take();
    if (rest.length > 0) this.#line.append(rest);
    // Whole lines contain whole characters. The parser removes the byte order mark.
    if (!isUtf8(lines)) throw new GatewayError('upstream_malformed', 'event stream is not UTF-8');
    if (lines.length >= minCheckedBytes && checkedIn(lines) !== undefined) this.#large = firstData(lines);
    this.#parser.feed(lines.toString('utf8'));
    this.#deliverBareId();
  }

  /** Bytes of an incomplete event that are kept here. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The stream has ended: an incomplete event is dropped (HTML §9.2.6). */
  end(): void {
    this.#parser.reset();
    this.#line.forget();
    this.#large = undefined;
    this.#pendingBytes = 0;
  }

  #deliver(message: EventSourceMessage): void {
    if (message.id === undefined) this.#deliverBareId();
    this.#bareId = undefined;
    // An event that begins and ends within one chunk was never pending.
    if (message.data.length > this.#maxEventBytes) throw tooLarge(message.data.length);
    const bytes = this.#large;
    this.#large = undefined;
    const { data, id, event } = message;
    // Data of several lines are not as they came.
    if (bytes === undefined || data.length < minCheckedChars || data.includes('\n')) this.#onEvent({ data, id, event });
    else this.#onEvent({ data, id, event, bytes });
  }

  #deliverBareId(): void {
    const id = this.#bareId;
    if (id === undefined) return;
    this.#bareId = undefined;
    this.#onEvent({ data: '', id, event: undefined });
  }
}

/** UTF-16 units that so many bytes make at the least. */
const minCheckedChars = minCheckedBytes / 4;

/** Where the data of a line begin, in bytes, after a byte order mark; undefined for what is no such line. */
function dataFrom(line: Buffer): number | undefined {
  if (!line.subarray(0, dataField.length).equals(dataField)) return undefined;
  const from = line[dataField.length] === 0x20 ? dataField.length + 1 : dataField.length;
  return line.length - withoutMark(line.subarray(from)).length;
}

const dataField = Buffer.from('data:');

/** The data of the first of these lines, with all that is known of them; undefined where that is another field. */
function firstData(lines: Buffer): Buffer | undefined {
  const from = dataFrom(lines);
  if (from === undefined) return undefined;
  const ends = [lines.indexOf(0x0a), lines.indexOf(0x0d)].filter((end) => end >= 0);
  const data = lines.subarray(from, Math.min(...ends));
  noteCheckedPart(data, lines, from);
  return data;
}

/** The offset after the last blank line of the chunk; -1 if there is none. */
function lastBlankLine(chunk: Buffer, byteBefore: number): number {
  let last = -1;
  for (const ends of lineEnds) last = Math.max(last, chunk.lastIndexOf(ends));
  if (last >= 0) return last + 2;
  const byte = chunk[0];
  const across = byte === 0x0d ? isLineEnd(byteBefore) : byte === 0x0a && byteBefore === 0x0a;
  return across ? 1 : -1;
}

/** The offset after the last line end of the chunk; 0 if there is none. */
function lastLineEnd(chunk: Buffer): number {
  const last = chunk.length - 1;
  // Nearly every chunk ends with an event.
  if (chunk[last] === 0x0a) return last + 1;
  return Math.max(chunk.lastIndexOf(0x0a), chunk.lastIndexOf(0x0d)) + 1;
}

/** Number of line ends in the chunk, of any kind; a CRLF counts once or twice. */
export function linesIn(chunk: Buffer): number {
  let count = 0;
  for (const end of [0x0a, 0x0d])
    for (let at = chunk.indexOf(end); at >= 0; at = chunk.indexOf(end, at + 1)) count += 1;
  return count;
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function tooLarge(size: number): GatewayError {
  return new GatewayError('upstream_too_large', `an event of ${size} bytes`);
}

/** A comment, so that the connection does not look idle. */
export const heartbeat: Buffer = Buffer.from(':\n\n');

/**
 * One event of the default type. An event's data cannot contain a carriage return; in JSON it occurs only as white space between
 * tokens, so it is replaced by a line feed. Throws RangeError for an id that would break the line.
 */
export function encodeEvent(data: string | Buffer, id?: string): Buffer {
  const head = id === undefined ? '' : idLine(id);
  if (data.indexOf('\n') >= 0 || data.indexOf('\r') >= 0) {
    return Buffer.concat([Buffer.from(`${head}data: `), inLines(Buffer.from(data)), eventEnd]);
  }
  if (typeof data === 'string') return Buffer.from(`${head}data: ${data}\n\n`);
  const start = `${head}data: `;
  const event = Buffer.allocUnsafe(Buffer.byteLength(start) + data.length + 2);
  const written = event.write(start);
  data.copy(event, written);
  event[event.length - 2] = 0x0a;
  event[event.length - 1] = 0x0a;
  return event;
}

const eventEnd = Buffer.from('\n\n');
const nextData = Buffer.from('\ndata: ');

/** Each line after the first as another one of data. One pass, as a text of megabytes may have a line end in every other byte. */
function inLines(data: Buffer): Buffer {
  const lines = Buffer.allocUnsafe(data.length + linesIn(data) * nextData.length);
  let written = 0;
  for (let at = 0; at < data.length; at++) {
    const byte = data[at]!;
    if (isLineEnd(byte)) {
      if (byte === 0x0d && data[at + 1] === 0x0a) at++;
      for (let i = 0; i < nextData.length; i++) lines[written++] = nextData[i]!;
    } else lines[written++] = byte;
  }
  return lines.subarray(0, written);
}

/** Tells the client how long to wait before it reconnects. */
export function encodeRetry(ms: number): Buffer {
  return Buffer.from(`retry: ${ms}\n\n`);
}

/** The first event of a stream: an id to resume from, and no data (SEP-1699). */
export function encodePriming(id: string, retryMs?: number): Buffer {
  return Buffer.from(`${idLine(id)}${retryMs === undefined ? '' : `retry: ${retryMs}\n`}data: \n\n`);
}

function idLine(id: string): string {
  if (/[\r\n\0]/.test(id)) throw new RangeError('an event id may hold no line end and no NUL');
  return `id: ${id}\n`;
}
