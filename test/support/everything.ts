/** The everything-server of the conformance suite as a process of its own, in one era or in both. */
import { fileURLToPath } from 'node:url';
import { loopbackUrls, startProgram } from './program.ts';
import { closedAtTheEnd } from './started.ts';

const script = fileURLToPath(new URL('../../conformance/everything-server.ts', import.meta.url));

/** Starts it on a free port and gives the URL of its endpoint. */
export async function startEverything(era: 'both' | 'legacy' | 'modern'): Promise<string> {
  const program = await startProgram([script, '--port', '0', '--era', era], {
    ready: (stdout) => loopbackUrls(stdout)[0]?.href,
  });
  closedAtTheEnd(async () => void (await program.stop()));
  return program.ready;
}
