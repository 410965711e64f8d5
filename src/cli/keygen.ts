/** `manifold keygen`: generates a key ring file (docs/session-token.md), to standard output or into a new file. */
import { generateKeyFile } from '../session/keyring.ts';
import type { CommandIo } from '../process/io.ts';
import { fileFault } from '../process/io.ts';

/** Returns the exit code: 0, or 1 if the file exists or cannot be created. An existing key is never overwritten. */
export async function keygen(options: { readonly out: string | undefined }, io: CommandIo): Promise<number> {
  const text = generateKeyFile(io.random, io.nowSeconds());
  const file = text.endsWith('\n') ? text : `${text}\n`;
  if (options.out === undefined) {
    io.stdout.write(file);
    return 0;
  }
  try {
    await io.createFile(options.out, file);
  } catch (fault) {
    io.stderr.write(`manifold keygen: ${fileFault(options.out, fault)}\n`);
    return 1;
  }
  io.stderr.write(`Wrote ${options.out}. Start every replica with --session-keys and this file, and keep it secret.\n`);
  return 0;
}
