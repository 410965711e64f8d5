/** Global set-up of vitest: builds dist once, as the flows run the real command. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compiler = createRequire(import.meta.url).resolve('typescript/lib/tsc.js');

/** Throws with the compiler's output when the sources do not compile. */
export default function build(): void {
  try {
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'pipe' });
    // As the script does it: `npx manifold` is to work after the tests as before.
    chmodSync(`${root}/dist/main.js`, 0o755);
  } catch (fault) {
    const said = fault instanceof Error && 'stdout' in fault ? String(fault.stdout) : '';
    throw new Error(`the build failed:\n${said}`, { cause: fault });
  }
}
