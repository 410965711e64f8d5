/** The phase of one call: preparing, at its upstream, waiting for its client, or over. */
import type { Exchange } from '../transport/upstream/adapter.ts';
import type { Suspension } from './questions/suspension.ts';

type State =
  /** It is not at its upstream: at first, and between two attempts. */
  | { readonly kind: 'preparing' }
  /** The upstream has it. */
  | { readonly kind: 'under way'; readonly exchange: Exchange }
  /**
   * The client is being asked. Messages that the upstream sends meanwhile are kept in `late`: reading does not stop at once, and
   * it does not stop when the upstream closes.
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
  /** When it was first sent to the upstream, in ms of `performance.now()`; 0 before that. */
  sentMs = 0;
  /** The upstream's own name of the tool or prompt; undefined for other methods, and when the name is no longer known. */
  named: string | undefined;
  /** Of the messages that its client was sent as its answer, and before it. */
  answerBytes = 0;
  #state: State = preparing;

  get isOver(): boolean {
    return this.#state.kind === 'over';
  }

  /** What waits for the client; undefined while nothing does. */
  get suspension(): Suspension | undefined {
    return this.#state.kind === 'suspended' ? this.#state.by : undefined;
  }

  /** The exchange in progress at the upstream. */
  get exchange(): Exchange | undefined {
    return this.#state.kind === 'under way' || this.#state.kind === 'suspended' ? this.#state.exchange : undefined;
  }

  /** Messages of the upstream wait to be passed on. */
  get isLate(): boolean {
    return this.#state.kind === 'suspended' && this.#state.late.length > 0;
  }

  /** The call will be sent again. */
  prepare(): void {
    if (!this.isOver) this.#state = preparing;
  }

  /** The upstream has the call. If the call has ended meanwhile, the exchange is aborted. */
  begin(exchange: Exchange): void {
    if (this.isOver) exchange.abort();
    else this.#state = { kind: 'under way', exchange };
  }

  suspend(by: Suspension): void {
    if (!this.isOver) this.#state = { kind: 'suspended', by, exchange: this.exchange, late: [] };
  }

  /** Runs `step` after the client has answered. */
  keep(step: () => void): void {
    if (this.#state.kind === 'suspended') this.#state.late.push(step);
  }

  /** The client is no longer asked. Returns the kept steps, in order. */
  unsuspend(): readonly (() => void)[] {
    if (this.#state.kind !== 'suspended') return [];
    const { exchange, late } = this.#state;
    this.#state = exchange === undefined ? preparing : { kind: 'under way', exchange };
    return late;
  }

  /** Ends the call: no further message is passed on. Returns the exchange that was in progress. */
  end(): Exchange | undefined {
    const { exchange } = this;
    this.#state = over;
    return exchange;
  }
}
