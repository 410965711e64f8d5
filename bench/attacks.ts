/** What the attacker of scenarios/memory.ts can do. */
export const attackNames = [
  '8 bodies of 4 MiB in chunks of one byte',
  '120 bodies of 4 MiB that do not end',
  '60 calls of 4 MiB pipelined on one connection',
  '120 calls of 4 MiB that wait for their server',
  '20 answers of 15 MiB that nobody reads',
  '4 answers of 4 MiB in chunks of one byte',
  '4 streams of blank lines and comments',
] as const;
