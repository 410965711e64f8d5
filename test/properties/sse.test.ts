/** Server-sent events: how a stream is cut does not matter, and what was written is read. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { encodeEvent, encodePriming, encodeRetry, heartbeat, SseDecoder } from '../../src/protocol/sse.ts';
import type { SseEvent } from '../../src/protocol/sse.ts';

type Seen = SseEvent | { readonly retry: number };

function decode(chunks: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  const decoder = new SseDecoder(
    (event) => seen.push(event),
    (retry) => seen.push({ retry }),
  );
  for (const chunk of chunks) decoder.feed(chunk);
  decoder.end();
  return seen;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const borders = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other),
    bytes.length,
  ];
  return borders.slice(1).map((border, index) => bytes.subarray(borders[index], border));
}

const places = fc.array(fc.nat(), { maxLength: 12 });
const lineEnd = fc.constantFrom('\n', '\r', '\r\n');
const line = fc.oneof(
  fc.constantFrom('', '', 'data', 'data: ', 'data:a', 'data: é€😀', 'data:  x', 'id: 1', 'id:', 'id: é', 'id: a\0b'),
  fc.constantFrom(
    'event: ping',
    'event:',
    'retry: 10',
    'retry: x',
    ':',
    ': c',
    'foo: bar',
    'dat',
    'dataa: 1',
    '\ufeff',
    ' data: x',
  ),
);
const stream = fc.array(fc.tuple(line, lineEnd), { maxLength: 25 }).map((lines) => lines.flat().join(''));

test('any cutting of any stream gives what the uncut stream gives', () => {
  fc.assert(
    fc.property(stream, places, (text, where) => {
      const bytes = Buffer.from(text);
      const expected = decode([bytes]);
      expect(decode(cut(bytes, where))).toEqual(expected);
      expect(decode(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
});

const json = fc
  .tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'))
  .map(([value, indent]) => JSON.stringify(value, null, indent));
const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/[\r\n\0]/.test(text) && text.isWellFormed() && !text.startsWith(' '));

test('JSON that was written is read byte for byte, as text or as bytes, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(json, fc.option(id, { nil: undefined }), fc.boolean()), { maxLength: 5 }),
      places,
      (sent, where) => {
        const bytes = Buffer.concat(
          sent.flatMap(([data, eventId, asText]) => [
            encodeEvent(asText ? data : Buffer.from(data), eventId),
            heartbeat,
          ]),
        );
        expect(decode(cut(bytes, where))).toEqual(
          sent.map(([data, eventId]) => ({ data: Buffer.from(data).toString(), id: eventId, event: undefined })),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('JSON with carriage returns between its tokens means the same afterwards', () => {
  fc.assert(
    fc.property(fc.jsonValue(), lineEnd, fc.boolean(), (value, end, asText) => {
      const data = JSON.stringify(value, null, 1).replaceAll('\n', end);
      const [event] = decode([encodeEvent(asText ? data : Buffer.from(data))]);
      expect(event && 'data' in event && JSON.parse(event.data)).toEqual(JSON.parse(data));
    }),
  );
});

test('priming, retry and heartbeats between events arrive in order', () => {
  fc.assert(
    fc.property(id, fc.nat({ max: 100_000 }), places, (name, ms, where) => {
      const bytes = Buffer.concat([encodePriming(name), heartbeat, encodeEvent('{}', name), encodeRetry(ms)]);
      expect(decode(cut(bytes, where))).toEqual([
        { data: '', id: name, event: undefined },
        { data: '{}', id: name, event: undefined },
        { retry: ms },
      ]);
    }),
  );
});
