/**
 * Entry points for everything that arrives: a message of a client or a server, a batch, a page of a list.
 */
import { maxBatchMessages } from './limits.ts';
import { clientMessageShape, serverMessageShape } from './message-shapes.ts';
import { invalid, readMessage } from './message.ts';
import type { Message } from './message.ts';
import { compileShape, scan } from './scan.ts';

export { itemsInSteps, readListItem, readListPlaces, readListResult } from './list-result.ts';
export type { ListItem, ListPlaces } from './list-result.ts';
export type { Message } from './message.ts';

const batchShape = compileShape({ items: {} });

/** What a client POSTs. Throws as `scan` does, and `message_invalid`. */
export function readClientMessage(bytes: Buffer): Message {
  return readMessage(bytes, clientMessageShape);
}

/** What a server answers or sends. Throws as `scan` does, and `message_invalid`. */
export function readServerMessage(bytes: Buffer): Message {
  return readMessage(bytes, serverMessageShape);
}

/**
 * The messages of a batch (2025-03-26 basic/index §Batching) as parts of the same memory, or undefined when the text is no array.
 * Throws as `scan` does, and `message_invalid` for an empty batch or more than `maxBatchMessages`.
 */
export function readBatch(bytes: Buffer): Buffer[] | undefined {
  let at = 0;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  if (bytes[at] !== 0x5b) return undefined;
  const elements = scan(bytes, batchShape).items;
  if (elements.length === 0) throw invalid('an empty batch');
  if (elements.length > maxBatchMessages) throw invalid(`a batch of ${elements.length}`);
  return elements.map((element) => bytes.subarray(element.start, element.end));
}
