/**
 * A client's request that belongs to a call held at another replica is brought there as it came, and what that replica answers
 * goes back to the client as it is (protocol.md D6). The address travels sealed in what the client handed back, so no client can
 * choose it; the receiver knows a replica by a key derived from the key ring, and checks the request as if it had come first.
 */
import { Agent, type Dispatcher } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { Keyring } from '../../session/keyring.ts';
import { hops } from '../../telemetry/metrics.ts';
import type { Call } from '../call.ts';
import type { Outlet } from '../downstream/outlet.ts';
import type { RawHeaders } from '../forward.ts';
import { signatureHeader, signatureOf } from './hop-signature.ts';
import { connectTimeoutMs, hopMs } from '../limits.ts';

/** Hold for one connection (RFC 9110 §7.6.1), or are made anew for the next. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  signatureHeader,
]);

export class Hops {
  /** `host:port` at which other replicas reach this one; empty where they cannot. */
  readonly ownAddress: string;
  readonly #keyring: Keyring;
  readonly #path: string;
  readonly #nowSeconds: () => number;
  readonly #agent = new Agent({ connect: { timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: 0 });

  /** `path` is that of the endpoint, alike on all replicas. */
  constructor(ownAddress: string, path: string, keyring: Keyring, nowSeconds: () => number) {
    this.ownAddress = ownAddress;
    this.#path = path;
    this.#keyring = keyring;
    this.#nowSeconds = nowSeconds;
  }

  /** Brings an answer to where it is awaited. Throws `answer_unknown` when it is not taken there. */
  async answer(address: string, rawHeaders: RawHeaders, body: Buffer): Promise<void> {
    const status = await new Promise<number>((resolve, reject) => {
      this.#send(address, rawHeaders, body, new StatusHandler(resolve, reject));
    }).catch((cause: unknown) => {
      hops.inc({ outcome: 'unreachable' });
      throw new GatewayError('answer_unknown', 'the replica that asked is not reached', { cause });
    });
    hops.inc({ outcome: status === 202 ? 'ok' : 'refused' });
    if (status !== 202) throw new GatewayError('answer_unknown', `the replica that asked says ${status}`);
  }

  /** Has a call answered where it waits. */
  call(address: string, call: Call): void {
    const handler = new PassingHandler(call);
    call.outlet.owner = handler;
    this.#send(address, call.rawHeaders, call.received, handler);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #send(address: string, rawHeaders: RawHeaders, body: Buffer, handler: Dispatcher.DispatchHandler): void {
    const signature = signatureOf(this.#keyring, this.#nowSeconds(), { path: this.#path, rawHeaders, body });
    const headers = [...passedOn(rawHeaders), signatureHeader, signature];
    this.#agent.dispatch({ origin: `http://${address}`, path: this.#path, method: 'POST', headers, body }, handler);
  }
}

function passedOn(rawHeaders: RawHeaders): string[] {
  const passed: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (!ownHeaders.has(rawHeaders[i]!.toLowerCase())) passed.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  return passed;
}

/** Waits for the status alone. */
class StatusHandler implements Dispatcher.DispatchHandler {
  readonly #done: (status: number) => void;
  readonly #failed: (fault: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(done: (status: number) => void, failed: (fault: unknown) => void) {
    this.#done = done;
    this.#failed = failed;
    this.#timer = setTimeout(() => {
      const late = new Error(`no answer within ${hopMs} ms`);
      this.#controller?.abort(late);
      this.#failed(late);
    }, hopMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }
  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    clearTimeout(this.#timer);
    this.#done(status);
  }
  onResponseData(): void {}
  onResponseEnd(): void {}
  onResponseError(_controller: Dispatcher.DispatchController | undefined, fault: Error): void {
    clearTimeout(this.#timer);
    this.#failed(fault);
  }
}

/** Passes the answer of another replica on to the client, as JSON with its status or as the bytes of a stream. */
class PassingHandler implements Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #outlet: Outlet;
  #controller: Dispatcher.DispatchController | undefined;
  #reading: 'head' | 'json' | 'stream' | 'over' = 'head';
  #status = 0;
  readonly #chunks: Buffer[] = [];

  constructor(call: Call) {
    this.#call = call;
    this.#outlet = call.outlet;
  }

  /** The client has caught up. */
  onDrain(): void {
    this.#controller?.resume();
  }

  /** Closing takes the call back there as it does here. */
  onGone(): void {
    this.#reading = 'over';
    this.#controller?.abort(new Error('the client has left'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reading === 'over') controller.abort(new Error('the client has left'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#reading !== 'head') return;
    this.#status = status;
    this.#reading = headers['content-type'] === 'text/event-stream' ? 'stream' : 'json';
    hops.inc({ outcome: 'ok' });
    if (this.#reading === 'stream') this.#outlet.stream();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reading === 'json') this.#chunks.push(chunk);
    else if (this.#reading === 'stream' && !this.#outlet.events(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    const reading = this.#reading;
    this.#reading = 'over';
    if (reading === 'json') this.#outlet.whole(Buffer.concat(this.#chunks), undefined, this.#status);
    else if (reading === 'stream') this.#outlet.finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    if (this.#reading === 'over') return;
    if (this.#reading === 'head') hops.inc({ outcome: 'unreachable' });
    this.#reading = 'over';
    const fault = new GatewayError('state_invalid', 'the replica that holds the call is not reached', { cause });
    const { client, message } = this.#call;
    this.#outlet.fault(fault, client.wording.fault(fault, message.id));
  }
}
