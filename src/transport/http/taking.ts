/** Whether a client still takes what waits for it: slow is no fault, as long as something goes on. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What Node itself looks at for the timeout of a socket: bytes of the write under way that the kernel has not taken yet. */
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

  /** Whether the socket has taken anything since the last look. */
  goesOn(): boolean {
    const { socket } = this.#response;
    // Its turn has not come: the answer before it is looked at.
    if (socket === null) return true;
    const written = socket.bytesWritten - socket.writableLength;
    const queued = (socket as Socket & WithQueue)._handle?.writeQueueSize ?? 0;
    const moved = written !== this.#written || queued !== this.#queued;
    this.#written = written;
    this.#queued = queued;
    return moved;
  }
}
