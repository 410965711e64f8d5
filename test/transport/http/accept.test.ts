/** The first look at a request, without a socket: which headers count, and which Host and Origin are let in. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import type { OriginPolicy } from '../../../src/transport/http/accept.ts';
import { checkOrigin, checkPost, readBody, readHead } from '../../../src/transport/http/accept.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (fault) {
    return fault instanceof GatewayError ? fault.code : String(fault);
  }
  return 'fine';
}

const many = (count: number): string[] => Array.from({ length: count * 2 }, () => 'x');

describe('headers', () => {
  test('are found in any case, and their values stay as they are', () => {
    const head = readHead(['HOST', 'Localhost', 'mcp-session-ID', 'AbC', 'X-Other', 'y', 'Last-Event-Id', ' e ']);
    expect(head).toMatchObject({ host: 'Localhost', sessionToken: 'AbC', lastEventId: ' e ' });
  });

  for (const name of [
    'Host',
    'Origin',
    'Content-Type',
    'Content-Encoding',
    'Content-Length',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Last-Event-ID',
  ]) {
    test(`${name} may stand once, also when both are alike or empty`, () => {
      expect(codeOf(() => readHead([name, 'a', name.toLowerCase(), 'a']))).toBe('header_repeated');
      expect(codeOf(() => readHead([name, '', name, '']))).toBe('header_repeated');
    });
  }

  test('several Accept lines are one list', () => {
    expect(readHead(['Accept', 'a', 'ACCEPT', 'b', 'accept', 'c']).accept).toBe('a,b,c');
  });

  test('99 are read, 100 are refused', () => {
    expect(codeOf(() => readHead(many(99)))).toBe('fine');
    expect(codeOf(() => readHead(many(100)))).toBe('headers_too_many');
  });
});

describe('Host and Origin', () => {
  const policy: OriginPolicy = {
    hosts: new Set(['gw.example', 'exact.example:8443']),
    origins: new Set(['https://app.example']),
    loopback: false,
  };
  const check = (host: string | undefined, origin?: string, of = policy): string =>
    codeOf(() =>
      checkOrigin(
        readHead([...(host === undefined ? [] : ['Host', host]), ...(origin === undefined ? [] : ['Origin', origin])]),
        of,
      ),
    );

  for (const [host, code] of [
    ['gw.example', 'fine'],
    ['GW.example:99', 'fine'],
    ['exact.example:8443', 'fine'],
    ['exact.example', 'host_not_allowed'],
    ['exact.example:443', 'host_not_allowed'],
    ['gw.example.evil.example', 'host_not_allowed'],
    ['gw.example@evil.example', 'host_not_allowed'],
    ['evil.example:gw.example', 'host_not_allowed'],
    // DNS rebinding needs a name: an address is let in where the listener is not on loopback.
    ['10.1.2.3:1975', 'fine'],
    ['[fd00::1]:1975', 'fine'],
    ['10.1.2.3.evil.example', 'host_not_allowed'],
    ['[fd00::1].evil.example', 'host_not_allowed'],
    ['', 'host_not_allowed'],
    [undefined, 'host_not_allowed'],
  ] as const) {
    test(`Host ${host ?? '(none)'}: ${code}`, () => expect(check(host)).toBe(code));
  }

  for (const [origin, code] of [
    ['https://app.example', 'fine'],
    ['HTTPS://APP.EXAMPLE', 'fine'],
    ['https://app.example/', 'origin_not_allowed'],
    ['http://localhost', 'origin_not_allowed'],
    ['null', 'origin_not_allowed'],
  ] as const) {
    test(`Origin ${origin} away from loopback: ${code}`, () => expect(check('gw.example', origin)).toBe(code));
  }

  for (const [origin, code] of [
    ['http://localhost:6274', 'fine'],
    ['https://[::1]', 'fine'],
    ['http://127.0.0.1:80', 'fine'],
    ['http://localhost.evil.example', 'origin_not_allowed'],
    ['http://evil.example/http://localhost', 'origin_not_allowed'],
    ['http://localhost:80@evil.example', 'origin_not_allowed'],
    ['chrome-extension://localhost', 'origin_not_allowed'],
    ['localhost', 'origin_not_allowed'],
    ['http://http://localhost', 'origin_not_allowed'],
  ] as const) {
    test(`Origin ${origin} on loopback: ${code}`, () =>
      expect(check('localhost', origin, { ...policy, loopback: true })).toBe(code));
  }
});

const post = (length: string): string =>
  codeOf(() => checkPost(readHead(['Accept', '*/*', 'Content-Type', 'application/json', 'Content-Length', length])));

const read = async (feed: (body: PassThrough) => void): Promise<string | number> => {
  const body = new PassThrough();
  const done = new Promise<string | number>((resolve) => {
    readBody(body as never, (fault, bytes) => resolve(fault?.code ?? bytes.length));
  });
  feed(body);
  return await done;
};

describe('a body', () => {
  test('announced with 4 MiB is read, with one byte more it is refused before a byte of it', () => {
    expect([post('4194304'), post('4194305')]).toEqual(['fine', 'body_too_large']);
  });

  test('in pieces is put together, up to 4 MiB', async () => {
    const mib = Buffer.alloc(1_048_576);
    const pieces = (count: number, last: number) => (body: PassThrough) => {
      for (let at = 0; at < count; at += 1) body.write(mib);
      body.end(Buffer.alloc(last));
    };
    expect(await read(pieces(4, 0))).toBe(4_194_304);
    expect(await read(pieces(4, 1))).toBe('body_too_large');
    expect(await read(pieces(0, 0))).toBe(0);
  });

  test('that breaks off is no body', async () => {
    expect(await read((body) => void body.destroy())).toBe('body_incomplete');
    expect(await read((body) => void body.destroy(new Error('reset')))).toBe('body_incomplete');
  });
});
