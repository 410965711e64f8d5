/**
 * Builds dist, where it is older than what it is made of. Global set-up of vitest, as the flows run the real command, and what
 * npm runs as `prepare`: also at each first `npx manifold` of a checkout, which should not wait for a compiler in vain.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Read when the program runs, not compiled. */
const proto = 'transport/authorization/ext-auth.proto';

function isFresh(): boolean {
  if (!existsSync(`${root}/dist/main.js`)) return false;
  const sources = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' }).map((name) => `src/${name}`);
  // Folders too, whose time tells of files that went.
  const changedMs = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', ...sources].map(
    (name) => statSync(`${root}/${name}`).mtimeMs,
  );
  return statSync(`${root}/dist/main.js`).mtimeMs > Math.max(...changedMs);
}

/** Throws with the compiler's output when the sources do not compile. */
export default function build(): void {
  if (isFresh()) return;
  try {
    const compiler = createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'pipe' });
    copyFileSync(`${root}/src/${proto}`, `${root}/dist/${proto}`);
    // As the script does it: `npx manifold` is to work after the tests as before.
    chmodSync(`${root}/dist/main.js`, 0o755);
  } catch (fault) {
    const said = fault instanceof Error && 'stdout' in fault ? String(fault.stdout) : '';
    throw new Error(`the build failed:\n${said}`, { cause: fault });
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) build();
