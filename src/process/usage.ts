/** An invalid command line. The command answers with the message and the hint on stderr, and exits with 2. */
export class UsageError extends Error {
  /** The command that shows more, as one line. */
  readonly hint: string;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = `Try: manifold ${command === undefined ? '' : `${command} `}--help`;
  }
}
