/** How grave a log message is, from the least grave (RFC 5424 §6.2.1; 2026-07-28 server/utilities/logging §Log Levels). */

const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof logLevels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return (logLevels as readonly string[]).includes(text);
}
