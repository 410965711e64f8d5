/**
 * Forwards a client's request to the replica that holds its call, unchanged, and returns that replica's answer to the client
 * unchanged. The address is sealed in what the client sends back, so no client can choose it. The receiver authenticates the
 * replica by a key derived from the key ring, and checks the request as if the client had sent it there.
 */
import { Agent, type Dispatcher } from 'undici';
import { GatewayError } from '../../errors.ts';
import type { Keyring } from '../../session/keyring.ts';
import { hops } from '../../telemetry/metrics.ts';
import type { Outlet } from '../downstream/outlet.ts';
import type { Wording } from '../downstream/wording.ts';
import { queryOf, type Caller } from '../http/caller.ts';
import { certificateHeader, writeCertificate } from './hop-certificate.ts';
import { isProof, passedOn, signatureHeader, signatureOf } from './hop-signature.ts';
import { plainLink, type PeerLink } from './peer-link.ts';
import { WholeEvents } from './whole-events.ts';
import { certificateBehind } from '../http/client-certificate.ts';
import { callCeilingMs, heartbeatMs, hopMs } from '../http/limits.ts';
import { eventLimit } from '../http/message-limits.ts';

/** A client's request that another replica answers. */
export interface ForwardedCall {
  readonly caller: Caller;
  /** The body as it was received. */
  readonly received: Buffer;
  readonly outlet: Outlet;
  readonly message: { readonly id?: string | undefined };
  readonly client: { readonly wording: Pick<Wording, 'fault'> };
}

export class Hops {
  /** `host:port` at which other replicas reach this one; empty if they cannot. */
  readonly ownAddress: string;
  readonly #keyring: Keyring;
  readonly #path: string;
  readonly #nowSeconds: () => number;
  readonly #link: PeerLink;
  readonly #agent: Agent;

  /** `path` is that of the endpoint, identical on every replica. */
  constructor(ownAddress: string, path: string, keyring: Keyring, nowSeconds: () => number, link = plainLink) {
    this.ownAddress = ownAddress;
    this.#path = path;
    this.#keyring = keyring;
    this.#nowSeconds = nowSeconds;
    this.#link = link;
    this.#agent = new Agent({
      connect: link.connect,
      headersTimeout: callCeilingMs,
      // The silence of a replica's stream never exceeds the heartbeat interval.
      bodyTimeout: 4 * heartbeatMs,
    });
  }

  /** Forwards an answer to the replica that waits for it. Throws `answer_unknown` when that replica does not take it. */
  async answer(address: string, caller: Pick<Caller, 'rawHeaders' | 'http'>, body: Buffer): Promise<void> {
    const status = await new Promise<number>((resolve, reject) => {
      this.#send(address, caller, body, (isReplica) => new StatusHandler(isReplica, resolve, reject));
    }).catch((cause: unknown) => {
      hops.inc({ outcome: 'unreachable' });
      throw new GatewayError('answer_unknown', 'the replica that asked is not reached', { cause });
    });
    hops.inc({ outcome: status === 202 ? 'ok' : 'refused' });
    if (status !== 202) throw new GatewayError('answer_unknown', `the replica that asked says ${status}`);
  }

  /** Forwards a call to the replica that holds it. */
  call(address: string, call: ForwardedCall): void {
    this.#send(address, call.caller, call.received, (isReplica) => {
      const handler = new PassingHandler(call, isReplica);
      call.outlet.owner = handler;
      return handler;
    });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #send(
    address: string,
    { rawHeaders, http }: Pick<Caller, 'rawHeaders' | 'http'>,
    body: Buffer,
    handled: (isReplica: IsReplica) => Dispatcher.DispatchHandler,
  ): void {
    // A credential may stand in the query, and rules may ask for it.
    const path = this.#path + queryOf(http?.path);
    const signature = signatureOf(this.#keyring, this.#nowSeconds(), { address, path, rawHeaders, body });
    const headers = [...passedOn(rawHeaders), signatureHeader, signature];
    const certificate = certificateBehind(rawHeaders);
    if (certificate !== undefined)
      headers.push(certificateHeader, writeCertificate(this.#keyring, this.#nowSeconds(), signature, certificate));
    const handler = handled((answer) => isProof(this.#keyring, this.#nowSeconds(), signature, answer[signatureHeader]));
    this.#agent.dispatch({ origin: `${this.#link.scheme}://${address}`, path, method: 'POST', headers, body }, handler);
  }
}

type AnswerHeaders = Record<string, string | string[] | undefined>;
/** Whether the answer with these headers comes from a replica: another program may listen at the address by now. */
type IsReplica = (headers: AnswerHeaders) => boolean;

/** Waits for the status only. */
class StatusHandler implements Dispatcher.DispatchHandler {
  readonly #isReplica: IsReplica;
  readonly #done: (status: number) => void;
  readonly #failed: (fault: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(isReplica: IsReplica, done: (status: number) => void, failed: (fault: unknown) => void) {
    this.#isReplica = isReplica;
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
  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    clearTimeout(this.#timer);
    if (this.#isReplica(headers)) this.#done(status);
    else this.#failed(new Error('not answered by a replica'));
  }
  onResponseData(): void {}
  onResponseEnd(): void {}
  onResponseError(_controller: Dispatcher.DispatchController | undefined, fault: Error): void {
    clearTimeout(this.#timer);
    this.#failed(fault);
  }
}

/** Passes the answer of another replica to the client: JSON with its status, or a stream in whole events. */
class PassingHandler implements Dispatcher.DispatchHandler {
  readonly #call: ForwardedCall;
  readonly #outlet: Outlet;
  #controller: Dispatcher.DispatchController | undefined;
  #reading: 'head' | 'json' | 'stream' | 'over' = 'head';
  #status = 0;
  #size = 0;
  readonly #chunks: Buffer[] = [];
  readonly #events = new WholeEvents();
  readonly #isReplica: IsReplica;

  constructor(call: ForwardedCall, isReplica: IsReplica) {
    this.#isReplica = isReplica;
    this.#call = call;
    this.#outlet = call.outlet;
  }

  /** The client has read what was waiting for it. */
  onDrain(): void {
    this.#controller?.resume();
  }

  /** A client that leaves cancels the call there, as it would here. */
  onGone(): void {
    this.#reading = 'over';
    this.#controller?.abort(new Error('the client has left'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reading === 'over') controller.abort(new Error('the client has left'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (this.#reading !== 'head') return;
    if (!this.#isReplica(headers)) {
      controller.abort(new Error('not answered by a replica'));
      return;
    }
    this.#status = status;
    this.#reading = headers['content-type'] === 'text/event-stream' ? 'stream' : 'json';
    hops.inc({ outcome: 'ok' });
    if (this.#reading === 'stream') this.#outlet.stream();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reading === 'json') {
      this.#size += chunk.length;
      // The largest valid answer, including what the gateway adds to a message.
      if (this.#size > eventLimit()) controller.abort(new Error(`over ${eventLimit()} bytes`));
      else this.#chunks.push(chunk);
    } else if (this.#reading === 'stream') {
      const events = this.#events.take(chunk);
      if (this.#events.halfBytes > eventLimit()) controller.abort(new Error(`an event of over ${eventLimit()} bytes`));
      else if (events !== undefined && !this.#outlet.events(events)) controller.pause();
    }
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
    // An incomplete event is dropped: the fault is an event of its own.
    this.#events.drop();
    const fault = new GatewayError('state_invalid', 'the replica that holds the call is not reached', { cause });
    const { client, message } = this.#call;
    this.#outlet.fault(fault, client.wording.fault(fault, message.id));
  }
}
