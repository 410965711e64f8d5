/**
 * The first fetch of what a route judges tokens with. Until it has succeeded the process counts as not ready, so that no client is sent
 * here to be told 503; but not for ever, as the issuer of one route must not keep the others from being served.
 */

/** How long the readiness of a process waits for the keys of a route, in ms. */
export const keysPatienceMs = 30_000;
/** A fetch that failed is tried again after this, in ms. The issuer is spared by the pause after a failed fetch. */
const retryMs = 2_000;

export interface AwaitedKeys {
  /** Resolves when the keys are there, or nobody waits for them any longer. */
  readonly settled: Promise<void>;
  /** Ends the attempts. */
  readonly stop: () => void;
}

/** `fetch` rejects while the keys cannot be had. It is tried until it succeeds, also beyond the patience. */
export function awaitedKeys(fetch: () => Promise<void>): AwaitedKeys {
  const { promise: settled, resolve } = Promise.withResolvers<void>();
  const patience = setTimeout(resolve, keysPatienceMs).unref();
  let retry: NodeJS.Timeout | undefined;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    clearTimeout(patience);
    clearTimeout(retry);
    resolve();
  };
  const attempt = (): void => {
    fetch().then(stop, () => {
      if (!isOver) retry = setTimeout(attempt, retryMs).unref();
    });
  };
  attempt();
  return { settled, stop };
}
