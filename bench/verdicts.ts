/** What a scenario of its own, apart from run.ts, says of its targets; the exit code is 1 when one was missed. */
export function verdict(isMet: boolean, text: string): void {
  if (!isMet) process.exitCode = 1;
  process.stdout.write(`- ${isMet ? 'yes' : 'NO'} – ${text}\n`);
}

export function mebi(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}
