import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { catalogue, GatewayError, type ErrorCode } from '../../../src/errors.ts';
import { respondFault } from '../../../src/transport/http/respond.ts';

test('every fault with status 429 or 503 says when to come again, and no other does (RFC 6585 §4, RFC 9110 §15.6.4)', async () => {
  const codes = Object.keys(catalogue) as ErrorCode[];
  const server = createServer((request, response) =>
    respondFault(response, new GatewayError(request.url!.slice(1) as ErrorCode)),
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let temporary = 0;
  for (const code of codes) {
    const answer = await fetch(`http://127.0.0.1:${port}/${code}`);
    const isTemporary = answer.status === 429 || answer.status === 503;
    if (isTemporary) temporary += 1;
    expect([code, answer.headers.has('retry-after')]).toEqual([code, isTemporary]);
    await answer.text();
  }
  expect(temporary).toBeGreaterThan(3);
  server.closeAllConnections();
  server.close();
});
