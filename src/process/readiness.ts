/** Whether a process serves, and why not, in words. */
export interface Readiness {
  readonly isReady: boolean;
  /** One line; without secrets. */
  readonly text: string;
}
