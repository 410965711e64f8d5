/** What a call gets of the replica that holds it: whole events, an end or one fault, and nothing of somebody else. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { maxEventBytes } from '../../../src/protocol/limits.ts';
import type { Keyring } from '../../../src/session/keyring.ts';
import { anonymous } from '../../../src/transport/http/caller.ts';
import { legacyWording } from '../../../src/transport/downstream/wording.ts';
import type { Outlet } from '../../../src/transport/downstream/outlet.ts';
import { Hops } from '../../../src/transport/peers/hop.ts';
import { proofFor, signatureHeader } from '../../../src/transport/peers/hop-signature.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';
import { closedAtTheEnd } from '../../support/started.ts';

type Answer = (response: ServerResponse) => Promise<void> | void;

/** A replica that holds a call: knows who brings it, proves itself, and answers as it is told. */
async function replica(ring: Keyring, answer: Answer): Promise<string> {
  let address = '';
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const signed = { address, path: '/mcp', rawHeaders: request.rawHeaders, body: Buffer.concat(chunks) };
    const proof = proofFor(ring, now, signed);
    if (proof === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader(signatureHeader, proof);
    await answer(response);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => server.closeAllConnections());
  closedAtTheEnd(async () => void server.close());
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return address;
}

/** The events in these pieces, each in a packet of its own; then the end, or a cut. */
function streaming(pieces: readonly (string | Buffer)[], ends: 'end' | 'cut'): Answer {
  return async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) {
      response.write(piece);
      await sleep(10);
    }
    if (ends === 'end') response.end();
    else response.destroy();
  };
}

let ring: Keyring;
let hops: Hops;
/** Each write of the call's outlet, in order. */
let writes: string[];

/** Brings a call to that address, and waits until it is answered. */
async function called(address: string): Promise<void> {
  const over = Promise.withResolvers<void>();
  const outlet: Outlet = {
    gone: false,
    owner: undefined,
    whole: (body, _token, status) => {
      writes.push(`whole ${status} ${body.toString()}`);
      over.resolve();
    },
    stream: () => void writes.push('stream'),
    events: (bytes) => {
      writes.push(bytes.toString());
      return true;
    },
    finish: () => {
      writes.push('finish');
      over.resolve();
    },
    fault: (fault, { body }) => {
      writes.push(`fault ${fault instanceof GatewayError ? fault.code : 'other'} ${body.includes('"id":7')}`);
      over.resolve();
    },
  };
  const rawHeaders = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
  hops.call(address, {
    client: { wording: legacyWording('2025-11-25') },
    message: { id: '7' },
    caller: anonymous({ rawHeaders }),
    received: Buffer.from('{"jsonrpc":"2.0","id":7,"method":"tools/call"}'),
    outlet,
  });
  await over.promise;
}

beforeAll(async () => {
  ring = await ringOf(firstKey);
  hops = new Hops('', '/mcp', ring, () => now);
  closedAtTheEnd(() => hops.close());
});
beforeEach(() => {
  writes = [];
});

describe('an answer as a stream', () => {
  test('passes in whole events, however its packets are cut', async () => {
    await called(await replica(ring, streaming(['data: 1\n\nda', 'ta: 2', '\n', '\n', ':\n\n', 'data: 3\n\n'], 'end')));
    expect(writes).toEqual(['stream', 'data: 1\n\n', 'data: 2\n\n', ':\n\n', 'data: 3\n\n', 'finish']);
  });

  test('that breaks off loses its half event, and ends with one fault', async () => {
    await called(await replica(ring, streaming(['data: 1\n\ndata: {"jsonrpc":"2.0","id"', ':7,"res'], 'cut')));
    expect(writes).toEqual(['stream', 'data: 1\n\n', 'fault state_invalid true']);
  });

  test('that ends within an event is ended before it', async () => {
    await called(await replica(ring, streaming(['data: 1\n\n', 'data: half'], 'end')));
    expect(writes).toEqual(['stream', 'data: 1\n\n', 'finish']);
  });

  test('with an event past the largest one is a fault', async () => {
    const pieces = ['data: 1\n\ndata: ', Buffer.alloc(maxEventBytes, 'x'), 'x'];
    await called(await replica(ring, streaming(pieces, 'end')));
    expect(writes).toEqual(['stream', 'data: 1\n\n', 'fault state_invalid true']);
  });
});

test('an answer in one piece keeps its status', async () => {
  await called(
    await replica(ring, (response) => void response.writeHead(400, { 'content-type': 'application/json' }).end('{}')),
  );
  expect(writes).toEqual(['whole 400 {}']);
});

test('an answer of somebody without the key is none', async () => {
  const stranger = await ringOf(secondKey);
  await called(await replica(stranger, streaming(['data: 1\n\n'], 'end')));
  expect(writes).toEqual(['fault state_invalid true']);
});

test('replicas that seal in different formats bring each other calls', async () => {
  const told = await ringOf({ ...firstKey, format: 2 });
  await called(await replica(told, streaming(['data: 1\n\n'], 'end')));
  const [before, plainHops] = [writes, hops];
  writes = [];
  hops = new Hops('', '/mcp', told, () => now);
  closedAtTheEnd(() => hops.close());
  await called(await replica(ring, streaming(['data: 1\n\n'], 'end')));
  hops = plainHops;
  expect([before, writes]).toEqual(Array.from({ length: 2 }, () => ['stream', 'data: 1\n\n', 'finish']));
});
