/** Validates an object against its shape: reports each fault with its position in the file, and never with a value. */
import * as z from 'zod';
import type { Findings } from '../findings.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { nearest } from '../nearest.ts';
import type { SourceDocument } from './documents.ts';

/** The object with defaults filled in; undefined if it is invalid, which is reported in `findings`. */
export function shaped<T extends z.ZodType>(
  shape: T,
  value: unknown,
  at: JsonPath,
  document: SourceDocument,
  findings: Findings,
): z.infer<T> | undefined {
  const bare = withoutNulls(value);
  let result = shape.safeParse(bare);
  const widened = result.success ? bare : withNumbers(bare, result.error.issues, at, document);
  if (widened !== bare) result = shape.safeParse(widened);
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, shape, widened, at, document, findings);
  return undefined;
}

/* The API server drops a null member if the field is not nullable, and none of these fields is. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, withoutNulls(member)]])),
  );
}

/* `port: ${PORT}` is text after the variable is replaced; it is converted if the field is a number or a boolean. */
function withNumbers(
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  at: JsonPath,
  document: SourceDocument,
): unknown {
  let result = value;
  for (const issue of issues) {
    const path = issue.path as JsonPath;
    if (issue.code !== 'invalid_type' || !document.isBare([...at, ...path])) continue;
    const written = valueAt(result, path);
    if (typeof written !== 'string') continue;
    if (issue.expected === 'number' && /^-?[0-9]{1,15}$/.test(written))
      result = replaced(result, path, Number(written));
    if (issue.expected === 'boolean' && /^(?:true|false)$/.test(written))
      result = replaced(result, path, written === 'true');
  }
  return result;
}

function replaced(value: unknown, path: JsonPath, by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((item: unknown, i) => (i === step ? replaced(item, rest, by) : item));
  const members = value as Readonly<Record<string, unknown>>;
  return { ...members, [step]: replaced(members[step], rest, by) };
}

function valueAt(value: unknown, path: JsonPath): unknown {
  let here: unknown = value;
  for (const step of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, step)) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[step];
  }
  return here;
}

function report(
  issue: z.core.$ZodIssue,
  shape: z.ZodType,
  value: unknown,
  at: JsonPath,
  document: SourceDocument,
  findings: Findings,
): void {
  const path = issue.path as JsonPath;
  const tell = (inner: JsonPath, problem: string, remedy: string): void => {
    const whole = [...at, ...inner];
    findings.fault(whole, problem, remedy, document.place(whole));
  };
  if (issue.code === 'unrecognized_keys') {
    const known = fieldNames(shape, path);
    for (const key of issue.keys) {
      const near = nearest(key, known);
      tell([...path, key], 'unknown field', near === undefined ? 'Take it out' : `Did you mean "${near}"?`);
    }
    return;
  }
  if (issue.code === 'custom') {
    const remedy: unknown = issue.params?.['remedy'];
    tell(path, issue.message, typeof remedy === 'string' ? remedy : 'Mend it');
    return;
  }
  const written = valueAt(value, path);
  const wants = `Give ${issue.message}`;
  if (written === undefined) tell(path, 'missing', wants);
  else if (issue.code === 'invalid_value' && typeof written === 'string')
    tell(path, 'not a word that is known here', wants);
  else tell(path, `${kindOf(written)} is not accepted here`, wants);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/* The allowed fields of the object at a path. */
function fieldNames(shape: z.core.$ZodType, path: JsonPath): readonly string[] {
  const plain = unwrapped(shape);
  if (plain instanceof z.ZodObject) {
    const [step, ...rest] = path;
    if (step === undefined) return Object.keys(plain.shape);
    const member = plain.shape[step] as z.core.$ZodType | undefined;
    return member === undefined ? [] : fieldNames(member, rest);
  }
  if (plain instanceof z.ZodArray) return fieldNames(plain.element, path.slice(1));
  if (plain instanceof z.ZodRecord) return fieldNames(plain.valueType, path.slice(1));
  return [];
}

function unwrapped(shape: z.core.$ZodType): z.core.$ZodType {
  return shape instanceof z.ZodOptional || shape instanceof z.ZodDefault ? unwrapped(shape.unwrap()) : shape;
}
