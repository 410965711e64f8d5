/**
 * Forms for clients of 2025-06-18. That revision keeps the titles of a choice in `enumNames`; later ones keep them in `oneOf`
 * (2025-11-25 client/elicitation §Requested Schema). Only such choices are rewritten. What 2025-06-18 cannot express, such as
 * a choice of several values, stays unchanged.
 */
import { compileShape, rawOf, scan } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import type { Edit } from '../protocol/splice.ts';

const formShape = compileShape({ members: { properties: { each: { members: { oneOf: {} } } } } });

/** Maximum size of a form as JSON text, in bytes: a larger one is not changed. */
const maxFormBytes = 256 * 1024;

/** Adds an edit for each choice of `schema`, the `requestedSchema` of an elicitation, whose options have titles. */
export function editTitledEnums(bytes: Buffer, schema: Found, edits: Edit[]): void {
  if (schema.end - schema.start > maxFormBytes) return;
  const part = bytes.subarray(schema.start, schema.end);
  for (const { value } of scan(part, formShape).member('properties')?.members ?? []) {
    if (value.member('oneOf') === undefined) continue;
    const text = withEnumNames(JSON.parse(rawOf(part, value)));
    if (text !== undefined) edits.push({ start: value.start + schema.start, end: value.end + schema.start, text });
  }
}

/** Undefined for anything but a single choice among titled texts. */
function withEnumNames(field: unknown): string | undefined {
  if (typeof field !== 'object' || field === null || !('oneOf' in field) || !Array.isArray(field.oneOf))
    return undefined;
  const options = field.oneOf.map(optionOf);
  if (!options.every((option) => option !== undefined)) return undefined;
  const { oneOf: _, ...rest } = field;
  const values = options.map(({ value }) => value);
  return JSON.stringify({ ...rest, enum: values, enumNames: options.map(({ title }) => title) });
}

function optionOf(option: unknown): { readonly value: string; readonly title: string } | undefined {
  if (typeof option !== 'object' || option === null || !('const' in option) || !('title' in option)) return undefined;
  const { const: value, title } = option;
  return typeof value === 'string' && typeof title === 'string' ? { value, title } : undefined;
}
