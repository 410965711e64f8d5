/**
 * A status line for each server that the bridge starts. On a terminal the lines have a spinner and seconds, and are redrawn in
 * place; elsewhere one line is printed each time a server starts, is ready, or fails.
 */
import { columns, firstLine } from './columns.ts';
import type { StateOf } from './greeting.ts';

/** By the name of a server at the bridge. */
export type StateOfOne = (name: string) => ReturnType<StateOf>;

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const marks: Readonly<Record<string, string>> = { idle: '·', ready: '✓', failed: '✗' };
/** A server that is ready sooner than this gets no line, in ms. */
const quietMs = 700;
const frameMs = 100;
const maxSaidChars = 60;

export interface LiveLines {
  /** Calls `write`, whose output appears above the status lines. */
  readonly above: (write: () => void) => void;
  /** Removes the lines from a terminal. */
  stop(): void;
}

/** Redraws until `stop` is called. `out.isTTY`: it is a terminal. */
export function showLive(
  out: { write(text: string): unknown; readonly isTTY?: boolean },
  names: readonly string[],
  stateOf: StateOfOne,
): LiveLines {
  const beganMs = performance.now();
  const told = new Map<string, string>();
  let frame = 0;
  let drawn = 0;
  const clear = (): void => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    const lines = liveLines(names, stateOf, frame);
    out.write(lines.map((line) => `${line}\n`).join(''));
    drawn = lines.length;
  };
  const timer = setInterval(() => {
    if (performance.now() - beganMs < quietMs || names.every((name) => stateOf(name)?.phase === 'idle')) return;
    if (out.isTTY !== true) {
      for (const line of changedLines(names, stateOf, told)) out.write(`${line}\n`);
      return;
    }
    clear();
    frame += 1;
    draw();
  }, frameMs);
  timer.unref();
  return {
    above: (write) => {
      const wasDrawn = drawn > 0;
      clear();
      write();
      if (wasDrawn) draw();
    },
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}

/** One line per server, in its current state. */
export function liveLines(names: readonly string[], stateOf: StateOfOne, frame: number): readonly string[] {
  const spinner = frames[frame % frames.length] ?? '';
  return columns(
    names.map((name) => {
      const { phase = 'idle', ms = 0, said } = stateOf(name) ?? {};
      const seconds = phase === 'starting' || phase === 'ready' ? `${(ms / 1_000).toFixed(1)} s` : '';
      return [`  ${marks[phase] ?? spinner} ${name}`, phase, seconds, firstLine(said ?? '', maxSaidChars)];
    }),
  );
}

/** Lines for the changes since the last call; `told` holds the last state. What a server prints is in the log. */
export function changedLines(
  names: readonly string[],
  stateOf: StateOfOne,
  told: Map<string, string>,
): readonly string[] {
  return names.flatMap((name) => {
    const { phase = 'idle', ms = 0 } = stateOf(name) ?? {};
    if (phase === 'idle' || told.get(name) === phase) return [];
    const wasTold = told.has(name);
    told.set(name, phase);
    if (phase === 'ready' && !wasTold) return [];
    return [`  ${name}: ${phase}${phase === 'ready' ? ` after ${(ms / 1_000).toFixed(1)} s` : ''}`];
  });
}
