/** The answer to a request of the gateway's own, among all that may come with it. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { ResponseSink } from '../../../src/transport/upstream/response-sink.ts';

function waiting(): { sink: ResponseSink; told: string[] } {
  const told: string[] = [];
  const sink = new ResponseSink(
    '"x"',
    ({ bytes }) => void told.push(bytes.toString()),
    (fault) => void told.push(fault instanceof GatewayError ? fault.code : String(fault)),
  );
  sink.exchange = { pause() {}, resume() {}, answered() {}, abort: () => void told.push('aborted') };
  return { sink, told };
}

const event = (data: string): { data: string; id: undefined; event: undefined } => ({
  data,
  id: undefined,
  event: undefined,
});
const answer = '{"jsonrpc":"2.0","id":"x","result":{}}';

test('whatever comes before it is not it, and nothing after it counts', () => {
  const { sink, told } = waiting();
  for (const data of ['', '{"jsonrpc":"2.0","method":"notifications/message"}', answer.replace('"x"', '"y"')])
    sink.onEvent(event(data));
  expect(told.filter((each) => each !== 'aborted')).toEqual([]);
  sink.onEvent(event(answer));
  sink.onEvent(event(answer));
  sink.onEnd();
  sink.onFault(new GatewayError('upstream_timeout'));
  expect(told).toEqual([answer, 'aborted']);
});

test('as one JSON text', () => {
  const { sink, told } = waiting();
  sink.onJson(Buffer.from(answer));
  expect(told).toEqual([answer, 'aborted']);
});

test('without it there is a fault', () => {
  const [ended, broken, nonsense] = [waiting(), waiting(), waiting()];
  ended.sink.onEnd();
  broken.sink.onFault(new GatewayError('upstream_timeout'));
  nonsense.sink.onJson(Buffer.from('{'));
  expect([ended.told, broken.told, nonsense.told]).toEqual([
    ['upstream_interrupted'],
    ['upstream_timeout'],
    ['upstream_malformed', 'aborted'],
  ]);
});
