/** Whether a client still reads its data. A slow client is not a fault as long as it makes progress. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The value that Node uses for socket timeouts: bytes of the current write that the kernel has not accepted yet. */
interface WithQueue {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

export class Taking {
  readonly #response: ServerResponse;
  #written = -1;
  #queued = -1;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Whether the socket has sent anything since the last check. */
  goesOn(): boolean {
    const { socket } = this.#response;
    // An earlier answer of the connection is still being sent, and is checked instead.
    if (socket === null) return true;
    const written = socket.bytesWritten - socket.writableLength;
    const queued = (socket as Socket & WithQueue)._handle?.writeQueueSize ?? 0;
    const moved = written !== this.#written || queued !== this.#queued;
    this.#written = written;
    this.#queued = queued;
    return moved;
  }
}
