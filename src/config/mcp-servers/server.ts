/**
 * One server of an `mcpServers` file → how it is reached, which of its tools are shown, how long a call may take. Faults and
 * warnings go to `findings`, each with its path; none holds a value of the file.
 */
import type { Findings } from '../findings.ts';
import { readForwarded } from '../headers.ts';
import type { JsonObject, JsonPath } from './jsonc.ts';
import { defaultTimeoutMs, maxTimeoutMs, minTimeoutMs, shortTimeoutMs } from '../limits.ts';
import type { UpstreamConfig } from '../model.ts';
import { readSelector } from './selector.ts';
import { kindOf, readKeys } from './server-keys.ts';
import { readTransport } from './transport.ts';
import type { Environment } from '../variables.ts';

/** All of an upstream but its names. */
export type ServerSettings = Omit<UpstreamConfig, 'name' | 'id' | 'naming' | 'scheme'>;

/** Undefined when the server is at fault. `prefix` is that of its tools, to tell a name that was written with it. */
export function readServer(
  path: JsonPath,
  entry: JsonObject,
  prefix: string,
  env: Environment,
  findings: Findings,
): ServerSettings | undefined {
  const before = findings.faults.length;
  const written = readKeys(path, entry, findings);
  const { text, at } = written;
  const transport = readTransport(path, written, env, findings);
  const settings = {
    tools: readSelector(written, prefix, findings),
    timeoutMs: readTimeout(at('timeout'), text.timeout, findings),
    era: text.era ?? 'auto',
    onSessionLoss: text.onSessionLoss ?? 'reinitialize',
    forwardHeaders: readForwarded(
      at('forwardHeaders'),
      text.forwardHeaders ?? [],
      text.acknowledgeTokenPassthrough ?? false,
      new Set(Array.from(text.headers?.keys() ?? [], (name) => name.toLowerCase())),
      findings,
    ),
  } as const;
  return transport === undefined || findings.faults.length > before ? undefined : { transport, ...settings };
}

/** Whether the server is switched off, by `disabled: true` or `enabled: false`. A wrong value of either is a fault. */
export function isDisabled(path: JsonPath, entry: JsonObject, findings: Findings): boolean {
  const of = (key: string): boolean | undefined => {
    const value = entry.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    findings.fault([...path, key], `${kindOf(value)} is not accepted here`, 'Give true or false');
    return undefined;
  };
  const disabled = of('disabled');
  const enabled = of('enabled');
  return disabled === true || enabled === false;
}

function readTimeout(path: JsonPath, timeout: number | undefined, findings: Findings): number {
  if (timeout === undefined) return defaultTimeoutMs;
  if (!Number.isInteger(timeout) || timeout < minTimeoutMs || timeout > maxTimeoutMs) {
    findings.fault(
      path,
      `a timeout outside of ${minTimeoutMs} to ${maxTimeoutMs}`,
      'The unit is milliseconds: 60 seconds are 60000',
    );
  } else if (timeout < shortTimeoutMs) {
    findings.warn(path, `${timeout} milliseconds; if seconds were meant, write ${timeout * 1_000}`);
  }
  return timeout;
}
