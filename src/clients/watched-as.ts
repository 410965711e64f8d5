/**
 * How a client wrote the URIs of resources that it has subscribed to, where that is not how the gateway writes them: their updates
 * are told under the same URI, as a client looks for what it asked for (2025-11-25 server/resources §Subscriptions). The memory of one
 * replica: at another, and beyond these bounds, an update has the URI of the gateway.
 */
import { BoundedMap } from '../protocol/bounded-map.ts';

/** Of one client, in UTF-16 units of all its URIs, each in both forms. */
export const maxWatchedChars = 64 * 1024;
/** Of one client. */
const maxWatched = 1_000;

export class WatchedAs {
  /** Made when there is something to keep: most clients have nothing. */
  #asked: BoundedMap<string, string> | undefined;

  /** `uri` is that of the upstream with this hash. `asked`: undefined where the client wrote it as the gateway does. */
  note(upstream: number, uri: string, asked: string | undefined): void {
    if (asked === undefined) {
      this.#asked?.delete(keyOf(upstream, uri));
      return;
    }
    this.#asked ??= new BoundedMap({
      maxEntries: maxWatched,
      maxWeight: maxWatchedChars,
      weigh: (value, key) => value.length + key.length,
    });
    this.#asked.set(keyOf(upstream, uri), asked);
  }

  /** As the client wrote it; undefined where that is how the gateway does. */
  of(upstream: number, uri: string): string | undefined {
    return this.#asked?.get(keyOf(upstream, uri));
  }
}

function keyOf(upstream: number, uri: string): string {
  return `${upstream} ${uri}`;
}
