/** Keeps the events of SSE streams, so that a server can resume one (2025-11-25 basic/transports §Resumability and Redelivery). */

/** An event store as both SDK majors declare it, each with its own type of message. */
export interface MemoryEventStore<Message> {
  storeEvent(stream: string, message: Message): Promise<string>;
  getStreamIdForEventId(id: string): Promise<string | undefined>;
  replayEventsAfter(
    id: string,
    to: { readonly send: (id: string, message: Message) => Promise<void> },
  ): Promise<string>;
}

/** Event ids count up from 1 over all streams. An unknown id replays nothing. */
export function memoryEventStore<Message extends object>(): MemoryEventStore<Message> {
  const events: { readonly stream: string; readonly message: Message }[] = [];
  return {
    storeEvent: (stream, message) => {
      events.push({ stream, message });
      return Promise.resolve(String(events.length));
    },
    getStreamIdForEventId: (id) => Promise.resolve(events[Number(id) - 1]?.stream),
    replayEventsAfter: async (id, { send }) => {
      const stream = events[Number(id) - 1]?.stream;
      if (stream === undefined) return '';
      for (const [index, event] of events.entries()) {
        // A priming event is an empty message: it marks a place and is not sent twice.
        const isPriming = !('jsonrpc' in event.message);
        if (index >= Number(id) && event.stream === stream && !isPriming) await send(String(index + 1), event.message);
      }
      return stream;
    },
  };
}
