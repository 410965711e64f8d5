/**
 * Shapes define which values of a JSON text a scan captures. A shape is written once per module and compiled once, so that the
 * scanner can match the bytes of a key without creating a string.
 */
import { maxCapturedValues, maxRememberedKeys } from './limits.ts';
import { compileNames } from './name-table.ts';
import type { NameTable } from './name-table.ts';

export interface Shape {
  /** Members captured by their decoded name. */
  readonly members?: Readonly<Record<string, Shape>>;
  /** How members that are not in `members` are captured. */
  readonly each?: Shape;
  /** How every element of an array is captured. */
  readonly items?: Shape;
}

export interface CompiledShape {
  readonly names: NameTable;
  /** The shape of each name, indexed by ordinal. */
  readonly inner: readonly CompiledShape[];
  readonly each: CompiledShape | undefined;
  readonly items: CompiledShape | undefined;
  /** Objects of this shape are read: members are captured and repeated keys are refused. */
  readonly opensObjects: boolean;
  /** Bounds of one scan with this shape; those of inner shapes are ignored. */
  readonly bounds: ScanBounds;
}

/** Limits on what the sender of a text can make one scan remember. */
export interface ScanBounds {
  /** Captured values. */
  readonly values: number;
  /** Keys of large objects, which are remembered to find repeated ones. */
  readonly keys: number;
}

/** Throws RangeError for an object with more names than a scan can track. */
export function compileShape(shape: Shape, bounds: ScanBounds = widest): CompiledShape {
  return compileOnce(shape, bounds, new Map());
}

/** A shape that occurs in several places is compiled once: otherwise nested ones would double with each level. */
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

/** Seen names are recorded in one 32-bit integer. */
const maxNames = 31;
