/** Where the answer to one request goes, for a test that reads it. */
import type { Call } from '../../src/clients/call.ts';
import type { Client } from '../../src/clients/client.ts';
import { GatewayError } from '../../src/errors.ts';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import type { Said } from '../../src/protocol/said.ts';
import type { Outlet } from '../../src/transport/downstream/outlet.ts';
import { nobody, type Caller } from '../../src/transport/http/caller.ts';
import type { StreamOwner } from '../../src/transport/http/event-stream.ts';

export class RecordingOutlet implements Outlet {
  gone = false;
  owner: StreamOwner | undefined;
  /** The client is slow. */
  isFull = false;
  /** `whole …`, `stream`, `events …`, `finish …` or `fault CODE`, in order. */
  readonly told: string[] = [];

  whole(body: Buffer | string): void {
    this.told.push(`whole ${body.toString()}`);
  }
  stream(): void {
    this.told.push('stream');
  }
  events(bytes: Buffer): boolean {
    this.told.push(`events ${bytes.toString()}`);
    return !this.isFull;
  }
  finish(last?: Buffer): void {
    this.told.push(`finish ${last?.toString() ?? ''}`);
  }
  fault(fault: unknown): void {
    this.told.push(`fault ${fault instanceof GatewayError ? fault.code : String(fault)}`);
  }
}

export function aCall(
  client: Client,
  request: { readonly method: string; readonly params?: object; readonly id?: number | string },
  { said, caller = nobody }: { readonly said?: Said; readonly caller?: Caller } = {},
): Call & { readonly outlet: RecordingOutlet } {
  const received = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, ...request }));
  return {
    client,
    message: readClientMessage(received),
    caller,
    received,
    hopped: false,
    outlet: new RecordingOutlet(),
    said,
    startedMs: performance.now(),
  };
}
