/** The answer to one POST, over real HTTP. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { encodeEvent } from '../../../src/protocol/sse.ts';
import { PostOutlet } from '../../../src/transport/downstream/outlet.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { clientEnd, type ClientEnd } from '../../support/client-end.ts';

async function outlet(): Promise<{ outlet: PostOutlet; end: ClientEnd; told: string[] }> {
  const end = await clientEnd();
  const told: string[] = [];
  const made = new PostOutlet(end.response, new Wheel(), '');
  made.owner = { onDrain: () => void told.push('drain'), onGone: () => void told.push('gone') };
  return { outlet: made, end, told };
}

const fault = new GatewayError('upstream_timeout');
const worded = { body: '{"error":1}', status: 504 };

test('a whole answer is JSON, and the last word', async () => {
  const { outlet: post, end, told } = await outlet();
  post.whole('{"a":1}', undefined, 404);
  post.whole('{"a":2}');
  post.fault(fault, worded);
  post.stream();
  await expect.poll(end.isEnded).toBe(true);
  expect([end.status(), end.text(), told]).toEqual([404, '{"a":1}', []]);
});

test('after the first event all of it is events, also a whole answer and a fault', async () => {
  for (const finish of [
    (post: PostOutlet) => post.finish(encodeEvent('{"last":1}')),
    (post: PostOutlet) => post.whole('{"last":1}'),
    (post: PostOutlet) => post.fault(fault, { body: '{"last":1}', status: 504 }),
  ]) {
    const { outlet: post, end } = await outlet();
    expect(post.events(encodeEvent('{"first":1}'))).toBe(true);
    finish(post);
    await expect.poll(end.isEnded).toBe(true);
    expect([end.status(), end.text()]).toEqual([200, 'data: {"first":1}\n\ndata: {"last":1}\n\n']);
  }
});

test('a stream is open before its first event', async () => {
  const { outlet: post, end } = await outlet();
  post.stream();
  await expect.poll(end.status).toBe(200);
  expect(end.isEnded()).toBe(false);
  post.finish();
  await expect.poll(end.isEnded).toBe(true);
});

test('a fault in place of an answer has its own status', async () => {
  const { outlet: post, end } = await outlet();
  post.fault(fault, worded);
  await expect.poll(end.isEnded).toBe(true);
  expect([end.status(), end.text()]).toEqual([504, '{"error":1}']);
});

test('its owner is told once that the client has left, and never after the end', async () => {
  const left = await outlet();
  left.outlet.stream();
  left.end.leave();
  await expect.poll(() => left.told).toEqual(['gone']);
  expect(left.outlet.gone).toBe(true);
  left.outlet.whole('{}');
  const done = await outlet();
  done.outlet.whole('{}');
  await expect.poll(done.end.isEnded).toBe(true);
  done.end.leave();
  expect(done.told).toEqual([]);
});

test('a client that does not read is told of, and when it has caught up', async () => {
  const { outlet: post, end, told } = await outlet();
  post.stream();
  await expect.poll(end.status).toBe(200);
  end.pause();
  const event = encodeEvent(JSON.stringify('x'.repeat(1_000_000)));
  let count = 0;
  while (post.events(event) && count < 40) count += 1;
  expect([count < 40, told]).toEqual([true, []]);
  end.goOn();
  await expect.poll(() => told).toEqual(['drain']);
});
