/** Tasks in the form of the other era (2025-11-25 basic/utilities/tasks; the extension io.modelcontextprotocol/tasks). */
import { describe, expect, test } from 'vitest';
import {
  asTask,
  flatTask,
  notAsTask,
  readLegacyTask,
  readTask,
  roundOfTask,
  settledResponse,
  taskTools,
  withoutRelation,
} from '../../src/aggregate/task-forms.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';
import type { Message } from '../../src/protocol/envelope.ts';

const state = (keys: readonly string[]): string => `of "${keys.join()}"`;
const key = 'io.modelcontextprotocol/related-task';

function answered(result: string): Message {
  return readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result}}`));
}

function legacy(task: string): ReturnType<typeof readLegacyTask> {
  const { bytes, root } = answered(task);
  return readLegacyTask(bytes, root.member('result'));
}

function called(params: string): Message {
  return readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`));
}

describe('a task of 2025-11-25', () => {
  test('is called as one of the extension: ms in its names, nothing nested, its id another', () => {
    const task = legacy(
      '{"taskId":"t","status":"failed","statusMessage":"m","createdAt":"c","lastUpdatedAt":"l","ttl":60,"pollInterval":5,"x":1}',
    );
    expect(flatTask(task, 'new', 'completed')).toBe(
      '"taskId":"new","status":"completed","statusMessage":"m","createdAt":"c","lastUpdatedAt":"l","ttlMs":60,"pollIntervalMs":5',
    );
  });

  for (const odd of ['null', '-1', '1.5', '"60"', '0']) {
    test(`has no end and no pace where it gives ${odd}`, () => {
      const task = legacy(`{"taskId":"t","status":"working","createdAt":"c","ttl":${odd},"pollInterval":${odd}}`);
      expect(flatTask(task, 't')).toBe(
        '"taskId":"t","status":"working","createdAt":"c","lastUpdatedAt":"c","ttlMs":null',
      );
    });
  }

  for (const none of [
    '{}',
    '{"taskId":7,"status":"working","createdAt":"c"}',
    '{"taskId":"t","status":"done","createdAt":"c"}',
  ]) {
    test(`is not ${none}`, () => expect(() => legacy(none)).toThrow('upstream_malformed'));
  }

  test('is no more named in the result that it came to', () => {
    for (const [result, expected] of [
      [`{"content":[],"_meta":{"a":1,"${key}":{"taskId":"t"}}}`, '{"content":[],"_meta":{"a":1}}'],
      [`{"_meta":{"${key}":{"taskId":"t"}},"content":[ ]}`, '{"content":[ ]}'],
      ['{"content":[ ],"_meta":{"a":1}}', '{"content":[ ],"_meta":{"a":1}}'],
    ] as const) {
      const { bytes, root } = answered(result);
      expect(withoutRelation(bytes, root.member('result')!)).toBe(expected);
    }
  });
});

describe('a call', () => {
  test('is made one of a task, or of none, and is otherwise the same', () => {
    expect(asTask(called('{"name":"é","arguments":{"a":1.0}}'))).toBe('{"task":{},"name":"é","arguments":{"a":1.0}}');
    expect(asTask(called('{"task":{"ttl":1},"name":"n"}'))).toBe('{"task":{},"name":"n"}');
    expect(notAsTask(called('{"name":"n","task":{"ttl":1}}')).toString()).toContain('"params":{"name":"n"}');
  });

  test('is one of a task alone for tools that say so', () => {
    const tools = ['required', 'optional', 'forbidden'].map(
      (each) => `{"name":"${each}","execution":{"taskSupport":"${each}"}}`,
    );
    const reply = answered(`{"tools":[${tools.join()},{"name":"plain"}],"nextCursor":"n"}`).bytes;
    expect(taskTools(reply)).toEqual({ names: new Set(['required']), nextCursor: 'n' });
  });
});

describe('a task of the extension', () => {
  test('says how it stands and how soon to ask again', () => {
    expect(readTask(answered('{"taskId":"t","status":"working","pollIntervalMs":5}'))).toEqual({
      taskId: 't',
      status: 'working',
      pollIntervalMs: 5,
    });
    for (const odd of ['"5"', '-1', '1e400', 'null'])
      expect(
        readTask(answered(`{"taskId":"t","status":"working","pollIntervalMs":${odd}}`)).pollIntervalMs,
      ).toBeUndefined();
    for (const none of ['{}', '{"taskId":"t"}', '{"taskId":"t","status":"x"}', '{"taskId":1,"status":"working"}'])
      expect(() => readTask(answered(none))).toThrow('upstream_malformed');
  });

  test('becomes the response of its call, to the byte', () => {
    const message = answered(
      '{"taskId":"t","status":"completed","result":{"content":[ ],"n":1.0},"error":{"code":1e0}}',
    );
    expect(settledResponse(message, 'completed', '"a"').toString()).toBe(
      '{"jsonrpc":"2.0","id":"a","result":{"content":[ ],"n":1.0}}',
    );
    expect(settledResponse(message, 'failed', '7').toString()).toBe('{"jsonrpc":"2.0","id":7,"error":{"code":1e0}}');
    expect(() => settledResponse(answered('{"status":"completed"}'), 'completed', '1')).toThrow('upstream_malformed');
    expect(() => settledResponse(answered('{"result":7}'), 'completed', '1')).toThrow('upstream_malformed');
  });

  test('asks as its call would, once for each question', () => {
    const message = answered('{"inputRequests":{"a":{"method":"roots/list"},"b":{"method":"x","params":{}}}}');
    expect(roundOfTask(message, ['a'], '1', state)).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"b":{"method":"x","params":{}}},"requestState":"of \\"b\\""}}',
    );
    expect(roundOfTask(message, ['b', 'a'], '1', state)).toBeUndefined();
    expect(roundOfTask(answered('{}'), [], '1', state)).toBeUndefined();
  });
});
