/**
 * The active calls of this replica. Something other than their own exchange can end them: the client cancels, on this replica or on
 * another one (2025-11-25 basic/utilities/cancellation), its access token expires, or the process stops.
 */
import type { Relay } from './relay.ts';

export class UnderWay {
  /** Calls whose answer the client can resume on another replica. */
  readonly #promised = new Set<Relay>();
  /** Calls to upstreams without sessions, by session and request id. Another replica may receive their cancellation. */
  readonly #closable = new Map<string, Relay>();

  /** The call is sent to the upstream. */
  begun(relay: Relay): void {
    const { client, message } = relay.call;
    const closable = closableId(relay);
    client.inFlight.set(message.id!, relay);
    if (closable !== undefined) this.#closable.set(closable, relay);
    relay.session.underWay?.add(relay);
  }

  /** The client's request is answered. The client may reuse its id, so a newer request with the same id is not removed. */
  landed(relay: Relay): void {
    const { client, message } = relay.call;
    if (client.inFlight.get(message.id!) === relay) client.inFlight.delete(message.id!);
    const closable = closableId(relay);
    if (closable !== undefined && this.#closable.get(closable) === relay) this.#closable.delete(closable);
  }

  /** The call has ended. */
  over(relay: Relay): void {
    this.#promised.delete(relay);
    relay.session.underWay?.delete(relay);
    this.landed(relay);
  }

  /** From now on the client can resume the answer. */
  promised(relay: Relay): void {
    this.#promised.add(relay);
  }

  /** Closes every answer that can be resumed, so that its client resumes on another replica after `retryMs`. */
  disconnectAll(retryMs: number): void {
    for (const relay of this.#promised) relay.disconnect(retryMs);
  }

  /** The same for answers whose access token has expired (`nowSeconds`: Unix time). The client resumes with a new token. */
  disconnectExpired(nowSeconds: number, retryMs: number): void {
    for (const relay of this.#promised) {
      const { expiresAt } = relay.call.caller;
      if (expiresAt !== undefined && expiresAt <= nowSeconds) relay.disconnect(retryMs);
    }
  }

  /** The client of the session has cancelled a request on another replica. `requestId` is raw JSON. */
  cancelled(jti: string, requestId: string): void {
    this.#closable.get(`${jti} ${requestId}`)?.takeBack();
  }
}

/** The key of a call that is cancelled by closing its request: the session and the request id, identical on every replica. */
function closableId({ session, call: { client, message } }: Relay): string | undefined {
  return session.takesNotifications || client.isShared ? undefined : `${client.known.jti} ${message.id!}`;
}
