/**
 * The arguments of a call that are also in headers (2026-07-28 basic/transports/streamable-http §Custom Headers from Tool
 * Parameters). All arguments together may be megabytes, and `JSON.parse` would block the event loop; so only these are read.
 */
import { compileShape, numberOf, scan, textOf, type CompiledShape, type Found, type Shape } from '../protocol/scan.ts';
import type { ParamHeader } from './param-headers.ts';

/** Number of headers that are found in one scan: no object may have more names than a scan can track. */
const headersPerScan = 16;

const compiled = new WeakMap<readonly ParamHeader[], readonly CompiledShape[]>();

/** The arguments, parsed, reduced to the parts that `headers` name. Throws `json_key_repeated` if one of these is ambiguous. */
export function mirroredArguments(bytes: Buffer, args: Found | undefined, headers: readonly ParamHeader[]): unknown {
  const values: Values = Object.create(null) as Values;
  if (args?.kind !== 'object') return values;
  const part = bytes.subarray(args.start, args.end);
  for (const shape of shapesOf(headers)) copy(part, scan(part, shape), values);
  return values;
}

interface Values {
  [key: string]: unknown;
}

function copy(bytes: Buffer, from: Found, into: Values): void {
  for (const { name, value } of from.members) {
    if (value.kind === 'object') {
      const known = into[name];
      const inner = typeof known === 'object' && known !== null ? (known as Values) : (Object.create(null) as Values);
      into[name] = inner;
      copy(bytes, value, inner);
    } else into[name] = scalarOf(bytes, value);
  }
}

function scalarOf(bytes: Buffer, value: Found): unknown {
  if (value.kind === 'string') return textOf(bytes, value);
  if (value.kind === 'number') return numberOf(bytes, value);
  if (value.kind === 'true' || value.kind === 'false') return value.kind === 'true';
  return value.kind === 'array' ? [] : null;
}

function shapesOf(headers: readonly ParamHeader[]): readonly CompiledShape[] {
  const known = compiled.get(headers);
  if (known !== undefined) return known;
  const shapes: CompiledShape[] = [];
  for (let at = 0; at < headers.length; at += headersPerScan)
    shapes.push(compileShape(shapeOf(headers.slice(at, at + headersPerScan).map(({ path }) => path))));
  compiled.set(headers, shapes);
  return shapes;
}

function shapeOf(paths: readonly (readonly string[])[]): Shape {
  const below = new Map<string, (readonly string[])[]>();
  for (const [key, ...rest] of paths) if (key !== undefined) below.set(key, [...(below.get(key) ?? []), rest]);
  return below.size === 0
    ? {}
    : { members: Object.fromEntries([...below].map(([key, rests]) => [key, shapeOf(rests)])) };
}
