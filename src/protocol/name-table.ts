/**
 * A fixed set of names, found from the bytes of a JSON string without creating a string.
 */
import { unquote } from './found.ts';

/** One name as a string and as UTF-8 bytes. */
export interface Name {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Its index in the list from which the table was made. */
  readonly ordinal: number;
}

export interface NameTable {
  /** Indexed by the length of the names in bytes; a length beyond the array has no name. */
  readonly byLength: readonly (readonly Name[])[];
  readonly byText: ReadonlyMap<string, Name>;
}

export function compileNames(texts: readonly string[]): NameTable {
  const names = texts.map((text, ordinal) => ({ text, bytes: Uint8Array.from(Buffer.from(text)), ordinal }));
  const byLength: Name[][] = [];
  for (const name of names) {
    while (byLength.length <= name.bytes.length) byLength.push([]);
    byLength[name.bytes.length]?.push(name);
  }
  return { byLength, byText: new Map(names.map((name) => [name.text, name])) };
}

/** The name that the JSON string `bytes[start, end)`, quotes included, spells once its escapes are decoded. */
export function findName(bytes: Buffer, start: number, end: number, table: NameTable): Name | undefined {
  const length = end - start - 2;
  if (length < table.byLength.length) {
    const candidates = table.byLength[length]!;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!;
      const wanted = candidate.bytes;
      let offset = 0;
      while (offset < length && bytes[start + 1 + offset] === wanted[offset]) offset++;
      if (offset === length) return candidate;
    }
  }
  if (!hasEscape(bytes, start, end)) return undefined;
  return table.byText.get(unquote(bytes, start, end));
}

export function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0x5c) return true;
  return false;
}
