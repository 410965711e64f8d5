/**
 * Signals to a process with all its descendants. A stdio server is often a chain (`npx` → `sh` → `node`): only the whole
 * process group is the server.
 */
import { spawn } from 'node:child_process';

const isWindows = process.platform === 'win32';

/** The group may be gone already; that is no fault. */
export function signalGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (isWindows) {
    // Windows has neither groups nor SIGTERM; taskkill ends the tree, and a console program cannot be asked to.
    spawn('taskkill', ['/pid', String(group), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
      'error',
      () => {},
    );
    return;
  }
  try {
    process.kill(-group, signal);
  } catch {
    // ESRCH: nobody is left. EPERM: what is left has changed its user and is out of reach.
  }
}

export function groupIsAlive(group: number): boolean {
  try {
    process.kill(isWindows ? group : -group, 0);
    return true;
  } catch {
    return false;
  }
}
