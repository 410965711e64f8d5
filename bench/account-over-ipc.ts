/**
 * Loaded into a Node target (`node --import`) where there is no /proc: answers `usage` over the IPC channel with the
 * process's own account. The channel does not keep the process alive.
 */
import type { Usage } from './accounting.ts';

process.on('message', (question) => {
  if (question !== 'usage') return;
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage: Usage = { cpuMicros: userCPUTime + systemCPUTime, rssBytes: process.memoryUsage.rss() };
  process.send?.(usage);
});
process.channel?.unref();
