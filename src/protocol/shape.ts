/**
 * Shapes: which values of a JSON text a scan captures. A shape is written once per module and compiled once, so that
 * the scanner can match the bytes of a key without making a string of it.
 */
import { maxCapturedValues, maxRememberedKeys } from './limits.ts';
import { compileNames } from './name-table.ts';
import type { NameTable } from './name-table.ts';

export interface Shape {
  /** Members captured by their decoded name. */
  readonly members?: Readonly<Record<string, Shape>>;
  /** How every member is captured that `members` does not name. */
  readonly each?: Shape;
  /** How every element of an array is captured. */
  readonly items?: Shape;
}

export interface CompiledShape {
  readonly names: NameTable;
  /** The shape of each name, by its ordinal. */
  readonly inner: readonly CompiledShape[];
  readonly each: CompiledShape | undefined;
  readonly items: CompiledShape | undefined;
  /** Objects of this shape are looked into: members are captured and repeated keys are refused. */
  readonly opensObjects: boolean;
  /** Bounds on one scan by this shape; those of shapes inside it do not matter. */
  readonly bounds: ScanBounds;
}

/** What the sender of a text can make one scan remember. */
export interface ScanBounds {
  /** Values captured. */
  readonly values: number;
  /** Keys of large objects, which are remembered to find a repeated one. */
  readonly keys: number;
}

/** Throws RangeError for an object with more names than a scan can tick off. */
export function compileShape(shape: Shape, bounds: ScanBounds = widest): CompiledShape {
  return compileOnce(shape, bounds, new Map());
}

/** A shape that stands in many places of another is compiled once: nested ones would double, and double again, with each level. */
function compileOnce(shape: Shape, bounds: ScanBounds, known: Map<Shape, CompiledShape>): CompiledShape {
  const compiled = known.get(shape) ?? compile(shape, bounds, (inner) => compileOnce(inner, widest, known));
  known.set(shape, compiled);
  return compiled;
}

function compile(shape: Shape, bounds: ScanBounds, inside: (inner: Shape) => CompiledShape): CompiledShape {
  const members = Object.entries(shape.members ?? {});
  if (members.length > maxNames) throw new RangeError(`a shape may name ${maxNames} members, not ${members.length}`);
  return {
    names: compileNames(members.map(([name]) => name)),
    inner: members.map(([, inner]) => inside(inner)),
    each: shape.each === undefined ? undefined : inside(shape.each),
    items: shape.items === undefined ? undefined : inside(shape.items),
    opensObjects: shape.members !== undefined || shape.each !== undefined,
    bounds,
  };
}

const widest: ScanBounds = { values: maxCapturedValues, keys: maxRememberedKeys };

/** Seen names are ticked off in one 32-bit integer. */
const maxNames = 31;
