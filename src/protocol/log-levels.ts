/** The severities of log messages, lowest first (RFC 5424 §6.2.1; 2026-07-28 server/utilities/logging §Log Levels). */

const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof logLevels)[number];

/** For clients of the session era that have set no level: information without debug messages. */
export const defaultLogLevel: LogLevel = 'info';

/** Whether a message of this level reaches a client that asked for `least` and above. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least);
}

export function isLogLevel(text: string): text is LogLevel {
  return (logLevels as readonly string[]).includes(text);
}
