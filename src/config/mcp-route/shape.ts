/**
 * Builds the structural schemas of Kubernetes (apiextensions.k8s.io/v1 §Structural schemas) with zod: unknown fields are faults,
 * lengths count characters like the API server, and rules over several fields are evaluated even if one of the fields is invalid,
 * so that all faults are reported at once. `meta` repeats the limits as JSON Schema, for the page and tests.
 */
import * as z from 'zod';

const maxInt32 = 2_147_483_647;

export interface TextLimits {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  /** Completes "Give …". */
  readonly wants?: string;
  readonly format?: 'uri';
}

/** A string. The pattern is tried only if the text is short enough. */
export function text({ min = 0, max, pattern, wants = 'a string', format }: TextLimits = {}): z.ZodString {
  const meta = {
    ...(min > 0 && { minLength: min }),
    ...(max !== undefined && { maxLength: max }),
    ...(pattern !== undefined && { pattern: pattern.source }),
    ...(format !== undefined && { format }),
  };
  return z
    .string({ error: wants })
    .check(({ value, issues }) => {
      const chars = Array.from(value).length;
      const problem =
        chars < min
          ? 'empty'
          : max !== undefined && chars > max
            ? `${chars} characters, more than ${max}`
            : pattern !== undefined && !pattern.test(value)
              ? 'not written as the field demands'
              : undefined;
      if (problem !== undefined)
        issues.push({ code: 'custom', input: value, message: problem, params: { remedy: `Give ${wants}` } });
    })
    .meta(meta);
}

/** One of a few values. */
export function word<const T extends readonly [string, ...string[]]>(...words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: words.map((one) => JSON.stringify(one)).join(' or ') });
}

/** A whole number, by default of 32 bits. */
export function whole(min = -maxInt32 - 1, max = maxInt32): z.ZodNumber {
  const wants = min <= -maxInt32 ? 'a whole number' : `a whole number from ${min} to ${max}`;
  return z
    .number({ error: wants })
    .check(({ value, issues }) => {
      if (Number.isInteger(value) && value >= min && value <= max) return;
      issues.push({
        code: 'custom',
        input: value,
        message: Number.isInteger(value) ? 'outside of what is allowed' : 'not a whole number',
        params: { remedy: `Give ${wants}` },
      });
    })
    .meta({ type: 'integer', ...(min > -maxInt32 - 1 && { minimum: min }), ...(max !== maxInt32 && { maximum: max }) });
}

export function flag(): z.ZodBoolean {
  return z.boolean({ error: 'true or false' });
}

/** A list of at most `max` items. */
export function list<T extends z.ZodType>(of: T, max?: number, min = 0): z.ZodArray<T> {
  return z
    .array(of, { error: 'a list' })
    .check(({ value, issues }) => {
      const problem =
        value.length < min
          ? 'an empty list'
          : max !== undefined && value.length > max
            ? `${value.length} entries, more than ${max}`
            : undefined;
      const remedy = value.length < min ? 'Give at least one entry' : `Give at most ${max} entries`;
      if (problem !== undefined) issues.push({ code: 'custom', input: value, message: problem, params: { remedy } });
    })
    .meta({ ...(min > 0 && { minItems: min }), ...(max !== undefined && { maxItems: max }) });
}

/** An object with these fields and no others. */
export function fields<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: 'an object' });
}

/** An object whose keys are names, such as labels. */
export function named<T extends z.ZodType>(of: T): z.ZodRecord<z.ZodString, T> {
  return z.record(z.string(), of, { error: 'an object' });
}

/** A value that is not validated. */
export function anything(): z.ZodUnknown {
  return z.unknown();
}

export interface ShapeRule {
  /** The problem when the rule is broken; the text of the CRD if it has this rule. */
  readonly says: string;
  readonly remedy: string;
  /** The field that the fault points to. */
  readonly at?: readonly (string | number)[];
}

/**
 * The schema with a rule over the whole value. `holds` is also called if parts of the value are invalid, so it must check types
 * first.
 */
export function ruled<T extends z.ZodType>(schema: T, holds: (value: never) => boolean, rule: ShapeRule): T {
  return schema.refine((value) => value === null || typeof value !== 'object' || holds(value as never), {
    error: rule.says,
    params: { remedy: rule.remedy },
    path: [...(rule.at ?? [])],
    when: () => true,
  });
}

/** A field that is text, else empty: for rules that compare texts. */
export function wordOf(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : '';
}

/** The members of a list that may itself be invalid. */
export function members(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A field of a value of any type. */
export function fieldOf(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

export function has(value: unknown, name: string): boolean {
  return fieldOf(value, name) !== undefined;
}

/** The list with the rule that no two entries have the same `name`. */
export function keyed<T extends z.ZodType>(of: z.ZodArray<T>, key: string, says: string): z.ZodArray<T> {
  return ruled(
    of,
    (value: unknown) => {
      const keys = members(value).map((member) => fieldOf(member, key));
      return new Set(keys).size === keys.length;
    },
    { says, remedy: 'Rename one or take it out' },
  );
}
