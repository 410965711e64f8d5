/** Each message of a server goes to the one step that is for its kind. */
import { expect, test } from 'vitest';
import { receive, type Receiver } from '../../src/clients/receive.ts';
import { clientCapability } from '../../src/protocol/capabilities.ts';
import { readServerMessage, type Message } from '../../src/protocol/envelope.ts';
import { aClient, aSession, ofServer } from './a-client.ts';

const client = aClient({ capabilities: clientCapability.roots });

function received(message: Message): string[] {
  const told: string[] = [];
  const receiver: Receiver = {
    response: () => void told.push('response'),
    notification: ({ method }) => void told.push(method),
    question: ({ method }) => void told.push(`question ${method}`),
    reply: (body) => void told.push(body),
  };
  receive(message, aSession({ sessionId: 's' }), client, 'tools/call', receiver);
  return told;
}

test('by its kind', () => {
  expect(received(readServerMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')))).toEqual(['response']);
  expect(received(ofServer('notifications/message'))).toEqual(['notifications/message']);
  expect(received(ofServer('roots/list', {}, 'q'))).toEqual(['question roots/list']);
});

test('what the client cannot answer is answered here', () => {
  expect(received(ofServer('ping', {}, 'p'))).toEqual(['{"jsonrpc":"2.0","id":"p","result":{}}']);
  expect(received(ofServer('sampling/createMessage', {}, 'q'))).toEqual([
    '{"jsonrpc":"2.0","id":"q","error":{"code":-32601,"message":"Method not found"}}',
  ]);
});
