/**
 * Reads one server of an `mcpServers` file: its transport, its shown tools, its timeout. Faults and warnings go to `findings`,
 * each with its path; none contains a value of the file.
 */
import type { Findings } from '../findings.ts';
import { readForwarded } from '../headers.ts';
import type { JsonObject, JsonPath } from './jsonc.ts';
import { defaultTimeoutMs, doubtfulTimeoutMs, maxTimeoutMs, maxTimeoutSeconds, minTimeoutMs } from '../limits.ts';
import type { UpstreamConfig } from '../model.ts';
import { readSelector } from './selector.ts';
import { kindOf, readKeys } from './server-keys.ts';
import type { Place } from '../place.ts';
import { readTransport } from './transport.ts';
import type { Environment } from '../variables.ts';

/** All settings of an upstream except its names. */
export type ServerSettings = Omit<UpstreamConfig, 'name' | 'id' | 'naming' | 'scheme'>;

/** Undefined if the server is invalid. `prefix` is that of its tools, to detect names that were written with it. */
export function readServer(
  path: JsonPath,
  entry: JsonObject,
  prefix: string,
  env: Environment,
  findings: Findings,
  place?: Place,
): ServerSettings | undefined {
  const before = findings.faults.length;
  const written = readKeys(path, entry, findings);
  const { text, at } = written;
  const transport = readTransport(path, written, env, findings, place);
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
    ...(text.passthroughAudience !== undefined && { passedAudience: text.passthroughAudience }),
  } as const;
  return transport === undefined || findings.faults.length > before ? undefined : { transport, ...settings };
}

/**
 * Whether the server is disabled, by `disabled: true`, `enabled: false` or Cherry Studio's `isActive: false`. A wrong value is a
 * fault.
 */
export function isDisabled(path: JsonPath, entry: JsonObject, findings: Findings): boolean {
  const of = (key: string): boolean | undefined => {
    const value = entry.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    findings.fault([...path, key], `${kindOf(value)} is not accepted here`, 'Give true or false');
    return undefined;
  };
  // All three are read, so that every fault is reported.
  const disabled = of('disabled');
  const enabled = [of('enabled'), of('isActive')];
  return disabled === true || enabled.includes(false);
}

/* Claude and Cursor use milliseconds, Cline and Kilo Code seconds, all under the same name. */
function readTimeout(path: JsonPath, timeout: number | undefined, findings: Findings): number {
  if (timeout === undefined) return defaultTimeoutMs;
  const inSeconds = timeout < maxTimeoutSeconds;
  const ms = Math.round(inSeconds ? timeout * 1_000 : timeout);
  if (!(ms >= minTimeoutMs && ms <= maxTimeoutMs)) {
    findings.fault(
      path,
      `a timeout outside of ${minTimeoutMs} ms to ${maxTimeoutMs} ms`,
      'Give milliseconds: 60 seconds are 60000',
    );
  } else if (inSeconds) {
    findings.warn(
      path,
      `${timeout} is taken for seconds, as Cline and Kilo Code write them; say ${ms} for milliseconds`,
    );
  } else if (timeout <= doubtfulTimeoutMs) {
    findings.warn(path, `${timeout} milliseconds; if seconds were meant, write ${timeout * 1_000}`);
  }
  return ms;
}
