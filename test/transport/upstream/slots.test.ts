import { expect, test } from 'vitest';
import { Slots, type InLine } from '../../../src/transport/upstream/slots.ts';

class Request implements InLine {
  isOver = false;
  isStarted = false;
  start(): void {
    this.isStarted = true;
  }
}

test('so many run at once, so many wait in their order, and the next is refused', () => {
  const waiting: number[] = [];
  const slots = new Slots({ calls: 2, queue: 2 }, (count) => waiting.push(count));
  const all = Array.from({ length: 5 }, () => new Request());
  expect(all.map((each) => slots.take(each))).toEqual([true, true, true, true, false]);
  expect(all.map(({ isStarted }) => isStarted)).toEqual([true, true, false, false, false]);
  expect(waiting.at(-1)).toBe(2);
  slots.release();
  expect(all.map(({ isStarted }) => isStarted)).toEqual([true, true, true, false, false]);
  slots.release();
  slots.release();
  slots.release();
  expect([all[3]!.isStarted, waiting.at(-1)]).toEqual([true, 0]);
  expect([new Request(), new Request()].map((each) => slots.take(each))).toEqual([true, true]);
});

test('whoever has left takes no place and no turn', () => {
  const slots = new Slots({ calls: 1, queue: 2 });
  const [running, left, next, last] = Array.from({ length: 4 }, () => new Request());
  for (const each of [running!, left!, next!]) slots.take(each);
  left!.isOver = true;
  expect(slots.take(last!)).toBe(true);
  slots.release();
  expect([left!.isStarted, next!.isStarted, last!.isStarted]).toEqual([false, true, false]);
});

test('without a queue the next is refused at once', () => {
  const slots = new Slots({ calls: 1, queue: 0 });
  expect([slots.take(new Request()), slots.take(new Request())]).toEqual([true, false]);
});
