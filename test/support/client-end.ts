/** One HTTP request that a test answers itself, and what its client got of the answer. */
import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface ClientEnd {
  readonly response: ServerResponse;
  /** All that has come until now. */
  readonly text: () => string;
  readonly status: () => number | undefined;
  readonly isEnded: () => boolean;
  /** The client reads nothing more until it goes on. */
  pause(): void;
  goOn(): void;
  leave(): void;
}

export async function clientEnd(): Promise<ClientEnd> {
  const arrived = Promise.withResolvers<ServerResponse>();
  const listener = await listen((_request, response) => arrived.resolve(response));
  closedAtTheEnd(() => listener.stop());
  const request = get(listener.origin, { agent: false });
  request.on('error', () => {});
  let text = '';
  let incoming: IncomingMessage | undefined;
  void once(request, 'response').then(
    ([given]) => {
      incoming = given as IncomingMessage;
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('error', () => {});
    },
    () => {},
  );
  return {
    response: await arrived.promise,
    text: () => text,
    status: () => incoming?.statusCode,
    isEnded: () => incoming?.complete ?? false,
    pause: () => void incoming?.pause(),
    goOn: () => void incoming?.resume(),
    leave: () => void request.destroy(),
  };
}
