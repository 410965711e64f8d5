/**
 * Calls under way on this replica that can be ended from outside their own exchange: the client cancels, here or at another
 * replica, or the process stops (2025-11-25 basic/utilities/cancellation).
 */
import type { Relay } from './relay.ts';

export class UnderWay {
  /** Calls whose answer the client can resume at another replica. */
  readonly #promised = new Set<Relay>();
  /** Calls at upstreams without sessions, whose cancellation another replica may receive: by session and request id. */
  readonly #closable = new Map<string, Relay>();

  /** The upstream has it. */
  begun(relay: Relay): void {
    const { client, message } = relay.call;
    const closable = closableId(relay);
    client.inFlight.set(message.id!, relay);
    if (closable !== undefined) this.#closable.set(closable, relay);
    relay.session.underWay?.add(relay);
  }

  /** The client's request is answered. The client may use its id again, so a newer request must not be removed here. */
  landed(relay: Relay): void {
    const { client, message } = relay.call;
    if (client.inFlight.get(message.id!) === relay) client.inFlight.delete(message.id!);
    const closable = closableId(relay);
    if (closable !== undefined && this.#closable.get(closable) === relay) this.#closable.delete(closable);
  }

  over(relay: Relay): void {
    this.#promised.delete(relay);
    relay.session.underWay?.delete(relay);
    this.landed(relay);
  }

  promised(relay: Relay): void {
    this.#promised.add(relay);
  }

  /** Closes every answer that can be resumed, so that its client resumes at another replica after `retryMs`. */
  disconnectAll(retryMs: number): void {
    for (const relay of this.#promised) relay.disconnect(retryMs);
  }

  /** The same for those whose access tokens have expired, by Unix seconds: their clients go on with other ones. */
  disconnectExpired(nowSeconds: number, retryMs: number): void {
    for (const relay of this.#promised) {
      const { expiresAt } = relay.call.caller;
      if (expiresAt !== undefined && expiresAt <= nowSeconds) relay.disconnect(retryMs);
    }
  }

  /** The client of the session has cancelled a request at another replica. `requestId` is raw JSON. */
  cancelled(jti: string, requestId: string): void {
    this.#closable.get(`${jti} ${requestId}`)?.takeBack();
  }
}

/** The key of a call that is cancelled by closing: the session and the request's id, known to every replica. */
function closableId({ session, call: { client, message } }: Relay): string | undefined {
  return session.takesNotifications || client.isShared ? undefined : `${client.known.jti} ${message.id!}`;
}
