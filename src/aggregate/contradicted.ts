/**
 * Errors that contradict a list: it contains an item that its upstream does not have, such as an unknown tool. The list is then
 * loaded again.
 */
import type { Message } from '../protocol/message.ts';
import { numberOf, textOf } from '../protocol/scan.ts';

const invalidParams = -32602;
/** Length of an error message that is checked, in UTF-16 units. */
const maxLookedAt = 256;
/** The same code is used for invalid arguments, which do not contradict a list. */
const speaksOfAbsence = /unknown|not found|does ?n[o']t exist/i;

const listOf: ReadonlyMap<string, 'tools' | 'prompts'> = new Map([
  ['tools/call', 'tools'],
  ['prompts/get', 'prompts'],
] as const);

/** A cheap check, because most errors are of other kinds. */
export function mayContradict({ bytes, root }: Message): boolean {
  const code = root.member('error')?.member('code');
  return code?.kind === 'number' && numberOf(bytes, code) === invalidParams;
}

/** The list that `answer` to a request of this method contradicts; undefined if that is unclear. */
export function contradicted(method: string, { bytes, root }: Message): 'tools' | 'prompts' | undefined {
  const error = root.member('error');
  const code = error?.member('code');
  const said = error?.member('message');
  if (code?.kind !== 'number' || said?.kind !== 'string' || numberOf(bytes, code) !== invalidParams) return undefined;
  return speaksOfAbsence.test(textOf(bytes, said).slice(0, maxLookedAt)) ? listOf.get(method) : undefined;
}
