/** Questions as requests and as rounds, and the retry between them (2026-07-28 basic/patterns/mrtr). */
import { describe, expect, test } from 'vitest';
import {
  answersOf,
  questionMessage,
  questionOf,
  readRound,
  retryOf,
  roundMessage,
  roundOfUrls,
  urlsAsText,
  withoutAnswers,
} from '../../src/aggregate/rounds.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';

const result = (text: string): ReturnType<typeof readServerMessage> =>
  readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${text}}`));
const malformed = expect.objectContaining({ code: 'upstream_malformed' }) as Error;

describe('a round', () => {
  test('is read with its questions as they stand, in order', () => {
    const round = result(
      '{"resultType":"input_required","requestState":"s\\u0041","inputRequests":{"b":{"method":"roots/list"},"a":{"method":"sampling/createMessage","params":{"n":1.0}}}}',
    );
    expect(readRound(round)).toEqual({
      state: 'sA',
      questions: [
        { key: 'b', method: 'roots/list', params: undefined },
        { key: 'a', method: 'sampling/createMessage', params: '{"n":1.0}' },
      ],
    });
  });

  test.each([
    ['nothing at all', '{}'],
    ['no question and no state', '{"inputRequests":{}}'],
    ['a state that is no string', '{"requestState":1}'],
    ['a method that nobody is asked by', '{"inputRequests":{"a":{"method":"tools/call"}}}'],
    ['params that are no object', '{"inputRequests":{"a":{"method":"roots/list","params":[]}}}'],
    [
      '33 questions',
      `{"inputRequests":{${Array.from({ length: 33 }, (_, at) => `"${at}":{"method":"roots/list"}`).join()}}}`,
    ],
  ])('of %s is the upstream’s fault', (_title, text) => {
    expect(() => readRound(result(text))).toThrow(malformed);
  });

  test('of 32 questions is taken', () => {
    const asked = Array.from({ length: 32 }, (_, at) => `"${at}":{"method":"roots/list"}`).join();
    expect(readRound(result(`{"inputRequests":{${asked}}}`)).questions).toHaveLength(32);
  });

  test('is made of requests without what holds for a request alone', () => {
    const asked = readServerMessage(
      Buffer.from(
        '{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"_meta":{"progressToken":1},"mode":"url","url":"https://x/","message":"m","elicitationId":"e","task":{"ttl":1},"x":1.50}}',
      ),
    );
    const question = questionOf(asked, 'q1');
    expect(question).toEqual({
      key: 'q1',
      method: 'elicitation/create',
      params: '{"mode":"url","url":"https://x/","message":"m","x":1.50}',
    });
    expect(roundMessage('"r"', [question], 'st"').bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":"r","result":{"resultType":"input_required","inputRequests":{"q1":{"method":"elicitation/create","params":{"mode":"url","url":"https://x/","message":"m","x":1.50}}},"requestState":"st\\""}}',
    );
  });
});

describe('a question as a request', () => {
  test('has an elicitationId where a URL is to be visited, and is as it was elsewhere', () => {
    const url = { key: 'a', method: 'elicitation/create', params: '{"mode":"url","url":"u"}' };
    expect(questionMessage(url, 'e-1').bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{"elicitationId":"e-1","mode":"url","url":"u"}}',
    );
    const form = { key: 'a', method: 'elicitation/create', params: '{"mode":"form","n":1e2}' };
    expect(questionMessage(form, 'e-1').bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{"mode":"form","n":1e2}}',
    );
    expect(questionMessage({ key: 'a', method: 'roots/list', params: undefined }, 'e').bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":0,"method":"roots/list"}',
    );
  });
});

const answersIn = (params: string): ReturnType<typeof answersOf> =>
  answersOf(readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`)));

describe('the retry of a call', () => {
  const answers = new Map([['a', '{"roots":[1.0]}']]);

  test('is the call under another id, with answers and state', () => {
    const call = Buffer.from(
      '{"jsonrpc":"2.0","params":{"name":"t","arguments":{"x":1.0}},"id":1,"method":"tools/call"}',
    );
    expect(retryOf(call, '"n"', answers, 'st').toString()).toBe(
      '{"jsonrpc":"2.0","params":{"inputResponses":{"a":{"roots":[1.0]}},"requestState":"st","name":"t","arguments":{"x":1.0}},"id":"n","method":"tools/call"}',
    );
  });

  test('has the answers of its own round alone, and no state where none was given', () => {
    const call = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"inputResponses":{"old":{}},"name":"t","requestState":"old"}}',
    );
    expect(retryOf(call, '2', answers, undefined).toString()).toBe(
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"inputResponses":{"a":{"roots":[1.0]}},"name":"t"}}',
    );
    expect(retryOf(call, '2', new Map(), 'new').toString()).toBe(
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","requestState":"new"}}',
    );
    expect(withoutAnswers(call).toString()).toBe(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}',
    );
  });

  test('gives its answers by key, and refuses what is no answer', () => {
    expect(answersIn('{}')).toEqual(new Map());
    expect(answersIn('{"inputResponses":{"a":{"n":1.0},"b":{}}}')).toEqual(
      new Map([
        ['a', '{"n":1.0}'],
        ['b', '{}'],
      ]),
    );
    for (const bad of ['[]', '"x"', '{"a":1}', '{"a":null}'])
      expect(() => answersIn(`{"inputResponses":${bad}}`)).toThrow(
        expect.objectContaining({ code: 'params_invalid' }) as Error,
      );
  });
});

describe('the error by which 2025-11-25 asks to visit URLs', () => {
  const error = readServerMessage(
    Buffer.from(
      '{"jsonrpc":"2.0","id":5,"error":{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","message":"Go \\u0041","url":"https://x/","elicitationId":"e"}]}}}',
    ),
  );

  test('is a round without a state', () => {
    expect(roundOfUrls(error)?.bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required","inputRequests":{"q1":{"method":"elicitation/create","params":{"mode":"url","message":"Go \\u0041","url":"https://x/"}}}}}',
    );
  });

  test('is a text where URLs to visit are unknown', () => {
    expect(urlsAsText(error)?.bytes.toString()).toBe(
      '{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"Go A https://x/"}],"isError":true}}',
    );
  });

  test('is itself when it names none, as is every other answer', () => {
    const bare = Buffer.from('{"jsonrpc":"2.0","id":5,"error":{"code":-32042,"message":"m"}}');
    for (const message of [readServerMessage(bare), result('{}')])
      expect([roundOfUrls(message), urlsAsText(message)]).toEqual([undefined, undefined]);
  });
});
