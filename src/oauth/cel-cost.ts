/**
 * What an expression of CEL could cost at most, before it runs: the library bounds the size of an expression, not the work of
 * its loops over what a client sends. The estimate grows with the number of values and of characters in the input, so that
 * what is refused is refused for its size and not for the time that it took. A unit is about a tenth of a microsecond.
 */
import type { ASTNode } from '@marcbachmann/cel-js';

export const maxCelCost = 250_000;
/** Loops within loops. */
export const maxCelNesting = 4;

/** How much a value holds: lists, maps and scalars, and the characters in them. */
export interface Size {
  readonly values: number;
  readonly chars: number;
}

interface Estimate extends Size {
  readonly cost: number;
}

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** RE2 in JavaScript takes this many units a character. */
const matchCost = 15;
/** Characters that are compared, searched or copied in a unit. */
const charsPerUnit = 100;

/** Whether the cost may grow with the input by more than its reading did: by loops, and by what makes texts and lists longer. */
export function canGrow(node: ASTNode): boolean {
  const isGrowing =
    isLoop(node) || node.op === '+' || (node.op === 'rcall' && ['bind', 'join', 'matches'].includes(node.args[0]));
  return isGrowing || childrenOf(node).some(canGrow);
}

/** How deep loops are nested. */
export function nestingOf(node: ASTNode): number {
  if (!isLoop(node)) return Math.max(0, ...childrenOf(node).map(nestingOf));
  const [receiver, ...bodies] = childrenOf(node);
  // What is looped over is found once.
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

/** The most units that the expression takes for an input of `input`. */
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
 * A loop over k elements that hold S together costs no more than k times the body for an element of one, and once the body for
 * an element that holds all of S: the cost of a body is a sum of powers of the size, and a sum of powers is at most the
 * power of the sum.
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
  // The separator comes once a value.
  const joints = name === 'join' ? all.values * (operands[1]?.chars ?? 0) : 0;
  return {
    cost: all.cost + 1 + all.values + (all.chars + joints) * perChar,
    // What is split has a value a character, what is encoded twice the characters.
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

/** How much a value of JSON holds. Stops where that is beyond `limit` values: it is too much whatever is asked. */
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
