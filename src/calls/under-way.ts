/**
 * Calls under way on this replica, by what may reach them from outside of their own exchange: the client's cancelling, here or by
 * way of another replica, and the end of the process (2025-11-25 basic/utilities/cancellation).
 */
import type { Relay } from './relay.ts';

export class UnderWay {
  /** Calls whose answer the client can take up elsewhere. */
  readonly #promised = new Set<Relay>();
  /** Calls that closing cancels and another replica may hear the cancelling of, by session and request id. */
  readonly #closable = new Map<string, Relay>();

  /** The upstream has it. */
  begun(relay: Relay): void {
    const { client, message } = relay.call;
    const closable = closableId(relay);
    client.inFlight.set(message.id!, relay);
    if (closable !== undefined) this.#closable.set(closable, relay);
    relay.session.underWay?.add(relay);
  }

  /** The client's request is answered. It may use an id again, and the newer request is not this one's to forget. */
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

  /** Closes what can be resumed, so that its clients go on at another replica after `retryMs`. */
  disconnectAll(retryMs: number): void {
    for (const relay of this.#promised) relay.disconnect(retryMs);
  }

  /** The client of the session has taken back a request at another replica. `requestId` is raw JSON. */
  cancelled(jti: string, requestId: string): void {
    this.#closable.get(`${jti} ${requestId}`)?.takeBack();
  }
}

/** Where closing cancels a call, what another replica knows it by: the session and the request's id. */
function closableId({ session, call: { client, message } }: Relay): string | undefined {
  return session.takesNotifications || client.isShared ? undefined : `${client.known.jti} ${message.id!}`;
}
