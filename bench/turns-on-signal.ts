/**
 * Preloaded: SIGUSR2 prints the longest turn of the loop since the one before, as CPU time of the main thread, which is the same
 * however busy the machine is.
 */
const everyMs = 5;

let longestMicros = 0;
let last = process.threadCpuUsage();
setInterval(() => {
  const now = process.threadCpuUsage();
  longestMicros = Math.max(longestMicros, now.user + now.system - last.user - last.system);
  last = now;
}, everyMs).unref();

process.on('SIGUSR2', () => {
  process.stderr.write(`longest turn: ${(longestMicros / 1_000).toFixed(1)}\n`);
  longestMicros = 0;
});
