/** The answers of a batch, over real HTTP. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { encodeEvent } from '../../../src/protocol/sse.ts';
import { BatchOutlet } from '../../../src/transport/downstream/batch.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { clientEnd } from '../../support/client-end.ts';

test('one stream has them all, each once, and ends with the last', async () => {
  const end = await clientEnd();
  const batch = new BatchOutlet(end.response, new Wheel(), '');
  const [one, two, three] = [batch.part(), batch.part(), batch.part()];
  one.whole('{"id":1}');
  // Not all of the batch has been read.
  two.events(encodeEvent('{"progress":1}'));
  two.finish(encodeEvent('{"id":2}'));
  batch.seal();
  two.finish(encodeEvent('{"id":2}'));
  two.events(encodeEvent('{"late":1}'));
  await expect.poll(end.text).toContain('{"id":2}');
  expect(end.isEnded()).toBe(false);
  three.fault(new GatewayError('upstream_timeout'), { body: '{"id":3}', status: 504 });
  await expect.poll(end.isEnded).toBe(true);
  expect(end.text()).toBe(
    ['{"id":1}', '{"progress":1}', '{"id":2}', '{"id":3}'].map((each) => `data: ${each}\n\n`).join(''),
  );
  expect(end.status()).toBe(200);
});

test('answers that are there before the batch is read to its end do not end it', async () => {
  const end = await clientEnd();
  const batch = new BatchOutlet(end.response, new Wheel(), '');
  batch.part().whole('{"id":1}');
  await expect.poll(end.text).toContain('{"id":1}');
  expect(end.isEnded()).toBe(false);
  batch.part().whole('{"id":2}');
  batch.seal();
  await expect.poll(end.isEnded).toBe(true);
});

test('without a request there is nothing to answer', async () => {
  const end = await clientEnd();
  new BatchOutlet(end.response, new Wheel(), '').seal();
  await expect.poll(end.isEnded).toBe(true);
  expect([end.status(), end.text()]).toEqual([202, '']);
});

test('each part that is not answered is told that the client has left', async () => {
  const end = await clientEnd();
  const batch = new BatchOutlet(end.response, new Wheel(), '');
  const gone: number[] = [];
  const parts = [0, 1].map((at) => {
    const part = batch.part();
    part.owner = { onDrain() {}, onGone: () => void gone.push(at) };
    return part;
  });
  parts[0]!.whole('{}');
  await expect.poll(end.status).toBe(200);
  end.leave();
  await expect.poll(() => gone).toEqual([1]);
  expect(parts[1]!.gone).toBe(true);
});
