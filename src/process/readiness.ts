/** Whether a process is ready to serve, with the reason as text. */
export interface Readiness {
  readonly isReady: boolean;
  /** One line, without secrets. */
  readonly text: string;
}
