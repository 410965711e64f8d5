/** Combines many changes into one call: after a short quiet time, and at the latest a fixed time after the first change. */

export interface Coalesced {
  /** Something changed. */
  touch(): void;
  close(): void;
}

export interface Quiet {
  readonly quietMs: number;
  readonly mostMs: number;
}

export const usualQuiet: Quiet = { quietMs: 100, mostMs: 1000 };

export function coalesced({ quietMs, mostMs }: Quiet, call: () => void): Coalesced {
  let timer: NodeJS.Timeout | undefined;
  let firstMs: number | undefined;
  let isClosed = false;
  const fire = (): void => {
    timer = undefined;
    firstMs = undefined;
    call();
  };
  return {
    touch: () => {
      if (isClosed) return;
      const nowMs = performance.now();
      firstMs ??= nowMs;
      clearTimeout(timer);
      timer = setTimeout(fire, Math.max(0, Math.min(quietMs, firstMs + mostMs - nowMs)));
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
