/** The fields of a shape as rows of a table of Markdown, each with its path. */
import * as z from 'zod';

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
}

/** `| field | value | default | meaning |`; of the fields named in `folded` the inner ones are left out. */
export function fieldRows(shape: z.ZodType, folded: readonly string[]): readonly string[] {
  return rowsOf(z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '', folded);
}

function rowsOf(schema: JsonSchema, path: string, folded: readonly string[]): readonly string[] {
  const members = schema.anyOf?.find((one) => one.properties !== undefined)?.properties ?? schema.properties ?? {};
  const rows = Object.entries(members).flatMap(([name, one]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const isRequired = schema.required?.includes(name) === true;
    const row = `| \`${at}\` | ${cell(valueText(one))}${isRequired ? ', required' : ''} | ${
      one.default === undefined ? '' : `\`${JSON.stringify(one.default)}\``
    } | ${cell(one.description ?? '')} |`;
    return folded.includes(name) ? [row] : [row, ...rowsOf(one, at, folded)];
  });
  const inner = schema.items === undefined ? [] : rowsOf(schema.items, `${path}[]`, folded);
  const named =
    typeof schema.additionalProperties === 'object' ? rowsOf(schema.additionalProperties, `${path}.NAME`, folded) : [];
  return [...rows, ...inner, ...named];
}

function valueText(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(valueText).join(' or ');
  if (schema.enum !== undefined)
    return schema.enum.length > 12 ? 'one of a few' : schema.enum.map((word) => `\`${String(word)}\``).join(', ');
  switch (schema.type) {
    case 'array':
      return `list of ${itemText(schema.items ?? {})}${range(schema.minItems, schema.maxItems)}`;
    case 'object':
      return typeof schema.additionalProperties === 'object' ? 'object by name' : 'object';
    case 'integer':
    case 'number':
      return `whole number${range(schema.minimum, schema.maximum)}`;
    case 'string':
      return schema.maxLength === undefined ? 'string' : `string, at most ${schema.maxLength} characters`;
    default:
      return schema.type ?? 'any';
  }
}

function itemText(schema: JsonSchema): string {
  return schema.type === 'string' ? 'strings' : schema.type === 'object' ? 'objects' : 'values';
}

function range(min: number | undefined, max: number | undefined): string {
  if (max === undefined) return min === undefined || min === 0 ? '' : `, at least ${min}`;
  return `, ${min ?? 0} to ${max}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
