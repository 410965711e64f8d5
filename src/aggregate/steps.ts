/** Work that is done in steps, so that others can have a turn in between. */

/** Does it without a pause. */
export function inOneGo<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
