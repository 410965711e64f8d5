/** Where one call is: at first nowhere, then at its upstream, waiting for its client, and at last over. */
import type { Exchange } from '../transport/upstream/adapter.ts';
import type { Suspension } from './questions/suspension.ts';

type State =
  /** It is not at its upstream: at first, and between two tries. */
  | { readonly kind: 'preparing' }
  /** The upstream has it. */
  | { readonly kind: 'under way'; readonly exchange: Exchange }
  /**
   * Its client is asked. What the upstream sends meanwhile is kept in `late`: reading does not stop at once, nor at all when the
   * upstream closes.
   */
  | {
      readonly kind: 'suspended';
      readonly by: Suspension;
      readonly exchange: Exchange | undefined;
      readonly late: (() => void)[];
    }
  | { readonly kind: 'over' };

const preparing: State = { kind: 'preparing' };
const over: State = { kind: 'over' };

export class CallPhase {
  /** When the upstream was first sent it, in ms of `performance.now()`; 0 before. */
  sentMs = 0;
  /** The upstream's own name of the tool or prompt; undefined for other methods, and where it is not known any more. */
  named: string | undefined;
  /** Of the messages that its client was sent as its answer, and before it. */
  answerBytes = 0;
  #state: State = preparing;

  get isOver(): boolean {
    return this.#state.kind === 'over';
  }

  /** Who asks the client; undefined while nobody does. */
  get suspension(): Suspension | undefined {
    return this.#state.kind === 'suspended' ? this.#state.by : undefined;
  }

  /** What is under way at the upstream. */
  get exchange(): Exchange | undefined {
    return this.#state.kind === 'under way' || this.#state.kind === 'suspended' ? this.#state.exchange : undefined;
  }

  /** Something has come from the upstream that is not passed on yet. */
  get isLate(): boolean {
    return this.#state.kind === 'suspended' && this.#state.late.length > 0;
  }

  /** It will be sent once more. */
  prepare(): void {
    if (!this.isOver) this.#state = preparing;
  }

  /** The upstream has it. A call that is over meanwhile is let go of. */
  begin(exchange: Exchange): void {
    if (this.isOver) exchange.abort();
    else this.#state = { kind: 'under way', exchange };
  }

  suspend(by: Suspension): void {
    if (!this.isOver) this.#state = { kind: 'suspended', by, exchange: this.exchange, late: [] };
  }

  /** Does `step` once the client has answered. */
  keep(step: () => void): void {
    if (this.#state.kind === 'suspended') this.#state.late.push(step);
  }

  /** Nobody is asked any more. Gives what was kept, in its order. */
  unsuspend(): readonly (() => void)[] {
    if (this.#state.kind !== 'suspended') return [];
    const { exchange, late } = this.#state;
    this.#state = exchange === undefined ? preparing : { kind: 'under way', exchange };
    return late;
  }

  /** Nothing more of it reaches anyone. Gives what was under way. */
  end(): Exchange | undefined {
    const { exchange } = this;
    this.#state = over;
    return exchange;
  }
}
