/** Reads the members of one server as keys of the table, and checks their types. Values are validated elsewhere. */
import type { Findings } from '../findings.ts';
import type { JsonObject, JsonPath, JsoncValue } from './jsonc.ts';
import type { ServerKey, ServerText } from './keys.ts';
import { clientKeys, refusedKeys, serverKeys, serverShape } from './keys.ts';
import { nearest } from '../nearest.ts';

const byName = new Map<string, ServerKey>();
for (const [key, text] of Object.entries(serverKeys) as [ServerKey, { alsoCalled?: readonly string[] }][]) {
  byName.set(key, key);
  for (const other of text.alsoCalled ?? []) byName.set(other, key);
}

/** A server's keys under their canonical names, with values of the right type. */
export interface WrittenKeys {
  readonly text: ServerText;
  /** Keys with a value of the wrong type, which are not in `text`; a header or variable of the wrong type is empty in it. */
  readonly broken: ReadonlySet<ServerKey>;
  /** The path of a key, by its name in the file. */
  readonly at: (key: ServerKey) => JsonPath;
}

/** Accepts the known keys under all their names; wrong types and repetitions are faults, unknown keys warnings. */
export function readKeys(path: JsonPath, entry: JsonObject, findings: Findings): WrittenKeys {
  const names = new Map<ServerKey, string>();
  const values: Partial<Record<ServerKey, JsoncValue>> = {};
  for (const [name, value] of entry) {
    const key = byName.get(name);
    if (key === 'disabled' || name === 'enabled' || name === 'isActive') continue;
    // Exporters write null for values that are not set.
    if (key !== undefined && value === null) continue;
    if (key === undefined) {
      warnOfKey(path, name, findings);
    } else if (names.has(key)) {
      findings.fault([...path, name], `"${names.get(key)!}" says the same`, 'Keep one of the two');
    } else {
      names.set(key, name);
      values[key] = value;
    }
  }
  const broken = new Set<ServerKey>();
  const checked = serverShape.safeParse(values);
  for (const issue of checked.error?.issues ?? []) {
    const [key, member] = issue.path as [ServerKey, (string | number)?];
    const whole = values[key];
    const value = member === undefined ? whole : memberOf(whole, member);
    const problem =
      (key === 'onSessionLoss' || key === 'era') && typeof value === 'string'
        ? 'not a word that is known here'
        : `${kindOf(value)} is not accepted here`;
    // The name of a header or variable is shown only if it is valid: it may be a misplaced value.
    const shown =
      typeof member === 'number' || (member !== undefined && /^[A-Za-z0-9_.-]+$/.test(member)) ? [member] : [];
    findings.fault([...path, names.get(key)!, ...shown], problem, `Give ${serverKeys[key].wants}`);
    // Reading continues, so that all faults are reported at once.
    if (whole instanceof Map && member !== undefined) {
      values[key] = new Map(whole as JsonObject).set(String(member), '');
    } else {
      broken.add(key);
    }
  }
  for (const key of broken) delete values[key];
  return { text: serverShape.parse(values), broken, at: (key) => [...path, names.get(key) ?? key] };
}

function memberOf(value: JsoncValue | undefined, member: string | number): JsoncValue | undefined {
  if (value instanceof Map) return (value as JsonObject).get(String(member));
  return Array.isArray(value) ? (value as readonly JsoncValue[])[Number(member)] : undefined;
}

function warnOfKey(path: JsonPath, name: string, findings: Findings): void {
  if (clientKeys.has(name)) return;
  const reason = refusedKeys.get(name);
  const near = reason === undefined ? nearest(name, byName.keys()) : undefined;
  findings.warn(
    [...path, name],
    reason ?? `unknown, passed over${near === undefined ? '' : `; did you mean "${near}"?`}`,
  );
}

/** The type of a value, as text that does not reveal the value. */
export function kindOf(value: JsoncValue | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
