/**
 * Sends signals to a process and all its descendants. A stdio server is often a chain (`npx` → `sh` → `node`), so the signal goes
 * to the whole process group.
 */
import { spawn } from 'node:child_process';

const isWindows = process.platform === 'win32';

/** A group that no longer exists is not an error. */
export function signalGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (isWindows) {
    // Windows has neither process groups nor SIGTERM. taskkill ends the process tree; a console program cannot be asked to exit.
    spawn('taskkill', ['/pid', String(group), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
      'error',
      () => {},
    );
    return;
  }
  try {
    process.kill(-group, signal);
  } catch {
    // ESRCH: the group is empty. EPERM: the remaining processes run as another user and cannot be signalled.
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
