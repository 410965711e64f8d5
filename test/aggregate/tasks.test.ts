/** Ids of tasks in messages: 2025-11-25 basic/utilities/tasks. */
import { describe, expect, test } from 'vitest';
import { tasksInward, tasksOutward } from '../../src/aggregate/tasks.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';

const seal = (id: string): string => `sealed "${id}"`;
const open = (id: string): string | undefined => (id === 's' ? 'own "t"' : undefined);
const key = 'io.modelcontextprotocol/related-task';

function outward(text: string, method?: string): string {
  return tasksOutward(readServerMessage(Buffer.from(text)), method, seal).bytes.toString();
}

function answered(result: string, method?: string): string {
  const whole = outward(`{"jsonrpc":"2.0","id":1,"result":${result}}`, method);
  return whole.slice('{"jsonrpc":"2.0","id":1,"result":'.length, -1);
}

describe('on the way to the client', () => {
  const task = '{"taskId":"t","status":"working","createdAt":"x","lastUpdatedAt":"x","ttl":1}';
  const sealed = '{"taskId":"sealed \\"t\\"","status":"working","createdAt":"x","lastUpdatedAt":"x","ttl":1}';

  for (const [what, result, method, expected] of [
    ['a task that a call has begun', `{"task":${task}}`, 'tools/call', `{"task":${sealed}}`],
    ['what tasks/get tells', task, 'tasks/get', sealed],
    ['what tasks/cancel tells', task, 'tasks/cancel', sealed],
    [
      'a call answered with a task (2026-07-28)',
      '{"resultType":"task","taskId":"t"}',
      'tools/call',
      '{"resultType":"task","taskId":"sealed \\"t\\""}',
    ],
    ['either, where the request is not known any more', `{"task":${task}}`, undefined, `{"task":${sealed}}`],
    ['a task alone, where the request is not known any more', task, undefined, sealed],
    [
      'the task that a result belongs to',
      `{"content":[],"_meta":{"a":1,"${key}":{"taskId":"t","x":1}}}`,
      'tasks/result',
      `{"content":[],"_meta":{"a":1,"${key}":{"taskId":"sealed \\"t\\"","x":1}}}`,
    ],
  ] as const) {
    test(`${what} is named as the client is to know it`, () => expect(answered(result, method)).toBe(expected));
  }

  test('a request and a notification say by it what task they belong to', () => {
    for (const head of ['"id":1,"method":"sampling/createMessage"', '"method":"notifications/progress"']) {
      const text = `{"jsonrpc":"2.0",${head},"params":{"x":1,"_meta":{"${key}":{"taskId":"t"}}}}`;
      expect(outward(text)).toBe(text.replace('"taskId":"t"', '"taskId":"sealed \\"t\\""'));
    }
  });

  test('a status names its task, both ways it may', () => {
    const meta = `"_meta":{"${key}":{"taskId":"t"}}`;
    for (const method of ['notifications/tasks/status', 'notifications/tasks']) {
      const text = `{"jsonrpc":"2.0","method":"${method}","params":{${meta},"taskId":"t"}}`;
      expect(outward(text)).toBe(text.replaceAll('"taskId":"t"', '"taskId":"sealed \\"t\\""'));
    }
  });

  test('a message that names no task is the same message', () => {
    for (const [text, method] of [
      ['{"jsonrpc":"2.0","id":1,"result":{"content":[],"taskId":"t","status":"s","createdAt":"c"}}', 'tools/call'],
      ['{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t"}}}', 'x/y'],
      ['{"jsonrpc":"2.0","id":1,"result":{"taskId":"t"}}', undefined],
      ['{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":7},"_meta":{"x":{"taskId":"t"}}}}', 'tools/call'],
      ['{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"t"}}', 'tasks/get'],
      ['{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}}', undefined],
    ] as const) {
      const message = readServerMessage(Buffer.from(text));
      expect(tasksOutward(message, method, seal)).toBe(message);
    }
  });
});

describe('on the way to the upstream', () => {
  test('requests, notifications and answers relate to the task as the upstream knows it', () => {
    for (const text of [
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n","_meta":{"${key}":{"taskId":"s"},"a":1}}}`,
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"_meta":{"${key}":{"taskId":"s"}}}}`,
      `{"jsonrpc":"2.0","id":"x","result":{"action":"accept","_meta":{"${key}":{"taskId":"s"}}}}`,
    ]) {
      const message = tasksInward(readClientMessage(Buffer.from(text)), open);
      expect(message.bytes.toString()).toBe(text.replace('"taskId":"s"', '"taskId":"own \\"t\\""'));
    }
  });

  test('what is no task of the upstream stays, as the client may have begun it', () => {
    for (const text of [
      `{"jsonrpc":"2.0","id":"x","result":{"_meta":{"${key}":{"taskId":"mine"}}}}`,
      '{"jsonrpc":"2.0","id":"x","result":{"task":{"taskId":"s"}}}',
      '{"jsonrpc":"2.0","id":"x","result":null}',
    ]) {
      const message = readClientMessage(Buffer.from(text));
      expect(tasksInward(message, open)).toBe(message);
    }
  });
});
