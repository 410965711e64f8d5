/** Server-sent events (HTML §9.2), read from bytes and written as bytes. */
import { describe, expect, test } from 'vitest';

import { GatewayError } from '../../src/errors.ts';
import { checkedIn, minCheckedBytes } from '../../src/protocol/checked.ts';
import { bytesOf, encodeEvent, encodePriming, encodeRetry, heartbeat, SseDecoder } from '../../src/protocol/sse.ts';
import type { SseEvent } from '../../src/protocol/sse.ts';

type Seen = SseEvent | { retry: number };

function decode(chunks: readonly (string | Buffer)[], maxEventBytes = 1000): Seen[] {
  const seen: Seen[] = [];
  const decoder = new SseDecoder(
    (event) => seen.push(event),
    (retry) => seen.push({ retry }),
    { maxEventBytes },
  );
  for (const chunk of chunks) decoder.feed(Buffer.from(chunk));
  decoder.end();
  return seen;
}

function codeOf(chunks: readonly (string | Buffer)[], maxEventBytes?: number): string {
  try {
    decode(chunks, maxEventBytes);
    return 'accepted';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

/** One data line of this size, never ended, in chunks as a socket gives them. */
function feedLine(size: number): void {
  const decoder = new SseDecoder(
    () => {},
    () => {},
  );
  decoder.feed(Buffer.from('data: '));
  for (let left = size; left > 0; left -= 65_536) decoder.feed(Buffer.alloc(Math.min(left, 65_536), 'x'));
}

const event = (data: string, id?: string, name?: string): SseEvent => ({ data, id, event: name });

describe('reading', () => {
  test('data, id and event of each event', () => {
    expect(decode(['event: message\nid: 7\ndata: {"a":1}\n\ndata:x\n\n'])).toEqual([
      event('{"a":1}', '7', 'message'),
      event('x'),
    ]);
  });

  test('several data lines are one text with line feeds between', () => {
    expect(decode(['data: a\ndata:\ndata: b\n\n'])).toEqual([event('a\n\nb')]);
  });

  test('every kind of line end, also at the border of two chunks', () => {
    for (const end of ['\n', '\r', '\r\n']) {
      const stream = `data: a${end}id: 1${end}${end}data: b${end}${end}`;
      const expected = [event('a', '1'), event('b')];
      expect(decode([stream])).toEqual(expected);
      expect(decode(stream.split(''))).toEqual(expected);
    }
  });

  test('comments, unknown fields and empty blocks are passed over', () => {
    expect(decode([':\n\n: hello\n\nfoo: bar\nretry: soon\ndata: a\n\n\n\nevent: only\n\n'])).toEqual([event('a')]);
  });

  test('an event no blank line closed is dropped at the end (HTML §9.2.6)', () => {
    expect(decode(['data: a\n\ndata: b\n'])).toEqual([event('a')]);
  });

  test('a byte order mark at the beginning is passed over, one only', () => {
    expect(decode(['\ufeffdata: a\n\n'])).toEqual([event('a')]);
    expect(decode(Array.from(Buffer.from('\ufeffdata: \ufeffa\n\n'), (byte) => Buffer.from([byte])))).toEqual([
      event('\ufeffa'),
    ]);
    expect(decode(['\ufeff\ufeffdata: a\n\n'])).toEqual([]);
  });

  test('a character split between chunks is one character', () => {
    const bytes = Buffer.from('data: é€😀\n\n');
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual([event('é€😀')]);
    }
  });

  test('bytes that are not UTF-8 are a fault of the upstream', () => {
    expect(codeOf([Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0x0a, 0x0a])])).toBe('upstream_malformed');
    expect(codeOf([Buffer.from([0x64, 0x3a, 0xc3]), Buffer.from('(\n')])).toBe('upstream_malformed');
  });

  test('retry is told in milliseconds', () => {
    expect(decode(['retry: 1500\n\n', 'data: a\n\n'])).toEqual([{ retry: 1500 }, event('a')]);
  });

  describe('an event that brings an id and no data is handed on (SEP-1699)', () => {
    for (const [stream, expected] of [
      ['id: 1\ndata: \n\n', [event('', '1')]],
      ['id: 1\ndata\n\n', [event('', '1')]],
      ['id: 1\n\n', [event('', '1')]],
      ['id: 1\n\nid: 2\n\n', [event('', '1'), event('', '2')]],
      ['id: 1\n\nid: 1\ndata: a\n\n', [event('', '1'), event('a', '1')]],
      ['id: 1\n\ndata: a\n\n', [event('', '1'), event('a')]],
      ['id: 1\nretry: 5\n\n', [{ retry: 5 }, event('', '1')]],
      ['id: 1\n\nretry: 5\n\n', [event('', '1'), { retry: 5 }]],
    ] as const) {
      test(JSON.stringify(stream), () => {
        expect(decode([stream])).toEqual(expected);
        expect(decode(stream.split(''))).toEqual(expected);
      });
    }
  });

  describe('the size of an event is bounded', () => {
    test('a line that never ends', () => {
      expect(codeOf(['data: ', 'x'.repeat(994)])).toBe('accepted');
      expect(codeOf(['data: ', 'x'.repeat(995)])).toBe('upstream_too_large');
    });

    test('data lines without end, empty ones too', () => {
      expect(codeOf(Array.from({ length: 166 }, () => 'data:\n'))).toBe('accepted');
      expect(codeOf(Array.from({ length: 167 }, () => 'data:\n'))).toBe('upstream_too_large');
    });

    test('an id, an event name, a comment or an unknown line without end', () => {
      for (const field of ['id: ', 'event: ', ': ', 'foo: ']) {
        expect(codeOf([field, ...Array.from({ length: 100 }, () => 'x'.repeat(10))])).toBe('upstream_too_large');
      }
    });

    test('an event within one chunk', () => {
      expect(codeOf([`data: ${'x'.repeat(1000)}\n\n`])).toBe('accepted');
      expect(codeOf([`data: ${'x'.repeat(1001)}\n\n`])).toBe('upstream_too_large');
    });

    test('an event begun behind another one in the same chunk', () => {
      expect(codeOf([`data: a\n\ndata: ${'x'.repeat(995)}`])).toBe('upstream_too_large');
    });

    test('many small events and heartbeats are no large one, however they are cut', () => {
      for (const end of ['\n', '\r', '\r\n']) {
        const beats = `:${end}${end}`.repeat(1000);
        for (const size of [1, 2, 3, 4, 5, 7, 1000]) {
          const chunks: string[] = [];
          for (let at = 0; at < beats.length; at += size) chunks.push(beats.slice(at, at + size));
          expect(codeOf(chunks)).toBe('accepted');
        }
      }
    });

    test('16 MiB of message fit, 17 MiB do not, unless told otherwise', () => {
      expect(() => feedLine(16 * 1024 * 1024)).not.toThrow();
      expect(() => feedLine(17 * 1024 * 1024)).toThrow(GatewayError);
    });
  });
});

describe('writing', () => {
  test('one line of data, as text or as bytes, with and without id', () => {
    for (const data of ['{"é":1}', Buffer.from('{"é":1}')]) {
      expect(encodeEvent(data).toString()).toBe('data: {"é":1}\n\n');
      expect(encodeEvent(data, 'id-1').toString()).toBe('id: id-1\ndata: {"é":1}\n\n');
    }
  });

  test('line ends in data become data lines, and a carriage return a line feed', () => {
    for (const data of ['{\r\n"a":1,\r"b":2\n}', Buffer.from('{\r\n"a":1,\r"b":2\n}')]) {
      expect(encodeEvent(data, '1').toString()).toBe('id: 1\ndata: {\ndata: "a":1,\ndata: "b":2\ndata: }\n\n');
    }
  });

  test('an id that would break the line is refused', () => {
    for (const id of ['a\nb', 'a\rb', 'a\0b']) {
      expect(() => encodeEvent('{}', id)).toThrow(RangeError);
      expect(() => encodePriming(id)).toThrow(RangeError);
    }
  });

  test('heartbeat, retry and priming', () => {
    expect(heartbeat.toString()).toBe(':\n\n');
    expect(encodeRetry(1500).toString()).toBe('retry: 1500\n\n');
    expect(encodePriming('a').toString()).toBe('id: a\ndata: \n\n');
    expect(encodePriming('a', 50).toString()).toBe('id: a\nretry: 50\ndata: \n\n');
    expect(decode([heartbeat, encodePriming('a', 50)])).toEqual([{ retry: 50 }, event('', 'a')]);
  });
});

const inPieces = (text: string): Buffer[] => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / 10_000) }, (_, n) =>
    bytes.subarray(n * 10_000, (n + 1) * 10_000),
  );
};

const eventsOf = (text: string): SseEvent[] => decode(inPieces(text), 10_000_000) as SseEvent[];

describe('a large event', () => {
  const json = `{"text":"${'é'.repeat(minCheckedBytes)}"}`;

  test('brings its data as they came, checked already, whatever stands around them', () => {
    for (const text of [
      `data: ${json}\n\n`,
      `data:${json}\r\n\r\n`,
      `: hello\n\nid: 7\nevent: message\ndata: ${json}\nretry: 1\n\ndata: small\n\n`,
      `data: \u{feff}${json}\n\n`,
    ]) {
      const event = eventsOf(text).find((each) => 'data' in each && each.data !== '');
      expect(event!.data.replace('\u{feff}', '')).toBe(json);
      expect(event!.bytes?.toString()).toBe(json);
      expect(checkedIn(event!.bytes!)?.fault).toBeUndefined();
      expect(checkedIn(event!.bytes!)?.ends[0]).toBe(Buffer.byteLength(json));
    }
  });

  test('of several lines, or behind another field, is decoded as any other', () => {
    for (const text of [
      `data: ${json}\ndata: more\n\n`,
      `data: more\ndata: ${json}\n\n`,
      `id: ${json}\ndata: more\n\n`,
    ]) {
      const [event] = eventsOf(text);
      expect(event!.bytes).toBeUndefined();
      expect(bytesOf(event!).toString()).toBe(event!.data);
    }
  });

  test('leaves nothing behind for the next', () => {
    const [, second] = eventsOf(`data: ${json}\n\ndata: ${json.replace('text', 'next')}\n\n`);
    expect(second!.bytes?.toString() ?? second!.data).toBe(json.replace('text', 'next'));
  });
});

test('a text of nothing but line ends becomes as many lines of data', () => {
  expect(encodeEvent('\r\n\r\n\n').toString()).toBe('data: \ndata: \ndata: \ndata: \n\n');
  expect(encodeEvent(Buffer.from('a\rb\r\nc\nd')).toString()).toBe('data: a\ndata: b\ndata: c\ndata: d\n\n');
});
