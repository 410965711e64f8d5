/**
 * An upper bound for the cost of a CEL expression, computed before it runs. The library limits the size of an expression, but not
 * the work of its loops over a client's data. The estimate grows with the number of values and characters in the input, so that a
 * refusal depends on the size of the input and not on the time it took. One unit is about a tenth of a microsecond.
 */
import type { ASTNode } from '@marcbachmann/cel-js';

export const maxCelCost = 250_000;
/** Maximum depth of nested loops. */
export const maxCelNesting = 4;

/** The size of a value: its lists, maps and scalars, and the characters in them. */
export interface Size {
  readonly values: number;
  readonly chars: number;
}

interface Estimate extends Size {
  readonly cost: number;
}

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** Units per character of a match by RE2 in JavaScript. */
const matchCost = 15;
/** Characters compared, searched or copied per unit. */
const charsPerUnit = 100;

/** Whether the cost may grow faster than the input: through loops, or functions that make texts and lists longer. */
export function canGrow(node: ASTNode): boolean {
  const isGrowing =
    isLoop(node) || node.op === '+' || (node.op === 'rcall' && ['bind', 'join', 'matches'].includes(node.args[0]));
  return isGrowing || childrenOf(node).some(canGrow);
}

/** The depth of nested loops. */
export function nestingOf(node: ASTNode): number {
  if (!isLoop(node)) return Math.max(0, ...childrenOf(node).map(nestingOf));
  const [receiver, ...bodies] = childrenOf(node);
  // The collection of a loop is evaluated once.
  return Math.max(nestingOf(receiver!), ...bodies.map((body) => nestingOf(body) + 1));
}

/** The operands of a node. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case '!_':
    case '-_':
      return [node.args];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    default:
      return node.args;
  }
}

function isLoop(node: ASTNode): boolean {
  return node.op === 'rcall' && loops.has(node.args[0]) && node.args[2][0]?.op === 'id';
}

/** The maximum number of units of the expression for an input of this size. */
export function costOf(node: ASTNode, input: Size): number {
  return estimated(node, input, new Map()).cost;
}

function estimated(node: ASTNode, input: Size, variables: ReadonlyMap<string, Size>): Estimate {
  const of = (child: ASTNode): Estimate => estimated(child, input, variables);
  switch (node.op) {
    case 'value': {
      const chars = typeof node.args === 'string' || node.args instanceof Uint8Array ? node.args.length : 1;
      return { cost: 1, values: 1, chars };
    }
    case 'id':
      return { cost: 1, ...(variables.get(node.args) ?? input) };
    case '.':
    case '.?': {
      const from = of(node.args[0]);
      return { ...from, cost: from.cost + 1 };
    }
    case 'rcall':
      if (node.args[0] === 'bind' && node.args[2].length === 3) return ofBinding(node.args[2], input, variables);
      return isLoop(node) ? ofLoop(node.args, input, variables) : ofCall(node.args[0], childrenOf(node).map(of));
    case 'call':
      return ofCall(node.args[0], childrenOf(node).map(of));
    default: {
      const all = sum(childrenOf(node).map(of));
      return { ...all, cost: all.cost + 1 + all.values + all.chars / charsPerUnit };
    }
  }
}

function ofBinding(
  [name, value, body]: readonly ASTNode[],
  input: Size,
  variables: ReadonlyMap<string, Size>,
): Estimate {
  const bound = estimated(value!, input, variables);
  const within = new Map(variables).set(name!.op === 'id' ? name.args : '', bound);
  const result = estimated(body!, input, within);
  return { ...result, cost: result.cost + bound.cost + 1 };
}

/**
 * A loop over k elements of total size S costs at most k times the body for an element of size one, plus once the body for an
 * element of size S: the cost of a body is a sum of powers of the size, and a sum of powers is at most the power of the sum.
 */
function ofLoop(
  [name, receiver, [variable, ...bodies]]: readonly [string, ASTNode, readonly ASTNode[]],
  input: Size,
  variables: ReadonlyMap<string, Size>,
): Estimate {
  const over = estimated(receiver, input, variables);
  const loopVariable = variable!.op === 'id' ? variable.args : '';
  const bodyFor = (size: Size): Estimate => {
    const within = new Map(variables).set(loopVariable, size);
    return sum(bodies.map((body) => estimated(body, input, within)));
  };
  const small = bodyFor({ values: 1, chars: 1 });
  const whole = bodyFor(over);
  const cost = over.cost + 1 + over.values * (small.cost + 1) + whole.cost;
  if (name === 'filter') return { ...over, cost };
  if (name !== 'map') return { cost, values: 1, chars: 1 };
  return {
    cost,
    values: over.values * (small.values + 1) + whole.values,
    chars: over.values * small.chars + whole.chars,
  };
}

function ofCall(name: string, operands: readonly Estimate[]): Estimate {
  const all = sum(operands);
  const perChar = name.startsWith('matches') ? matchCost : 1 / charsPerUnit;
  // One separator per value.
  const joints = name === 'join' ? all.values * (operands[1]?.chars ?? 0) : 0;
  return {
    cost: all.cost + 1 + all.values + (all.chars + joints) * perChar,
    // `split` gives up to one value per character, and encoding doubles the characters.
    values: name === 'split' ? all.values + all.chars : all.values,
    chars: all.chars * 2 + joints,
  };
}

function sum(estimates: readonly Estimate[]): Estimate {
  let [cost, values, chars] = [0, 0, 0];
  for (const one of estimates) {
    cost += one.cost;
    values += one.values;
    chars += one.chars;
  }
  return { cost, values, chars };
}

/** The size of a JSON value. Stops above `limit` values: such a value is too large for any expression. */
export function sizeOf(value: unknown, limit = maxCelCost): Size {
  let [values, chars] = [0, 0];
  const open: unknown[] = [value];
  while (open.length > 0 && values < limit) {
    const one = open.pop();
    values += 1;
    if (typeof one === 'string') chars += one.length;
    else if (Array.isArray(one)) for (const element of one) open.push(element);
    else if (typeof one === 'object' && one !== null) {
      for (const [name, member] of Object.entries(one)) {
        chars += name.length;
        open.push(member);
      }
    }
  }
  return { values, chars };
}
