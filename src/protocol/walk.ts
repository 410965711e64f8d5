/**
 * Checks the grammar of a large JSON text (RFC 8259) while it comes in, so that no turn of the loop has to go through all of it. It
 * keeps nothing but where larger values begin and end, and what is wrong with it.
 */
import { GatewayError } from '../errors.ts';
import type { Checked } from './checked.ts';
import { malformed, skipSpace, skipStringPart, skipValue, tooDeep } from './grammar.ts';
import { maxDepth } from './limits.ts';

/** Smaller values are not worth an entry. */
const minNotedBytes = 128;
/** No shape looks deeper than this, so that nobody asks for values further in. */
const maxNotedDepth = 12;
/** So many bytes that have come are left for the next time, so that no escape and no word is cut. */
const cutBytes = 16;

const value = 0;
const firstItem = 1;
const key = 2;
const firstKey = 3;
const colon = 4;
const after = 5;
const insideString = 6;
const over = 7;

/** Bytes that stand in numbers. */
const isOfNumber = new Uint8Array(256);
for (const byte of Buffer.from('+-.0123456789eE')) isOfNumber[byte] = 1;

export class Walk implements Checked {
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  fault: GatewayError | undefined;
  /** Whether each open array or object is an object, and its entry; -1 without one. */
  readonly #isObject = new Uint8Array(maxDepth + 1);
  readonly #entries = new Int32Array(maxDepth + 1);
  #at: number;
  #open = 0;
  #expects = value;
  #isKey = false;
  #stringStart = 0;
  /** A number that has not ended is looked at again when there is twice as much of it. */
  #enoughBytes = 0;

  /** `from`: where the text begins, in bytes. */
  constructor(from: number) {
    this.#at = from;
  }

  /** Goes on through `bytes`, all that has come; it begins with what came before. `isWhole`: nothing follows. */
  go(bytes: Buffer, isWhole: boolean): void {
    const until = isWhole ? bytes.length : bytes.length - cutBytes;
    if (this.#expects === over || (!isWhole && (until <= this.#at || bytes.length < this.#enoughBytes))) return;
    try {
      this.#walk(bytes, new DataView(bytes.buffer, bytes.byteOffset, until), until, isWhole);
      if (isWhole && this.#expects !== over) throw malformed(bytes.length);
    } catch (fault) {
      if (!(fault instanceof GatewayError)) throw fault;
      this.fault = fault;
      this.#expects = over;
    }
  }

  #walk(bytes: Buffer, words: DataView, until: number, isWhole: boolean): void {
    while (this.#at < until && this.#expects !== over) {
      if (this.#expects === insideString) {
        if (!this.#goOnInString(bytes, words, until)) return;
        continue;
      }
      const byte = bytes[this.#at]!;
      if (byte <= 0x20) {
        const at = skipSpace(bytes, this.#at);
        if (at === this.#at) throw malformed(at);
        this.#at = at;
      } else if (!this.#token(bytes, byte, isWhole)) return;
    }
  }

  /** False: the rest of it has not come. */
  #goOnInString(bytes: Buffer, words: DataView, until: number): boolean {
    const at = skipStringPart(bytes, words, this.#at, until);
    if (at < 0) {
      this.#at = ~at;
      return false;
    }
    this.#at = at;
    if (this.#isKey) this.#expects = colon;
    else {
      if (at - this.#stringStart >= minNotedBytes && this.#open <= maxNotedDepth) {
        this.starts.push(this.#stringStart);
        this.ends.push(at);
      }
      this.#ended();
    }
    return true;
  }

  /** `byte` begins a token at `#at`. False: the rest of it has not come. */
  #token(bytes: Buffer, byte: number, isWhole: boolean): boolean {
    switch (this.#expects) {
      case firstItem:
        if (byte === 0x5d) this.#close();
        else return this.#value(bytes, byte, isWhole);
        return true;
      case value:
        return this.#value(bytes, byte, isWhole);
      case firstKey:
        if (byte === 0x7d) this.#close();
        else this.#key(byte);
        return true;
      case key:
        this.#key(byte);
        return true;
      case colon:
        if (byte !== 0x3a) throw malformed(this.#at);
        this.#expects = value;
        this.#at += 1;
        return true;
      default:
        this.#after(byte);
        return true;
    }
  }

  #key(byte: number): void {
    if (byte !== 0x22) throw malformed(this.#at);
    this.#string(true);
  }

  #string(isKey: boolean): void {
    this.#isKey = isKey;
    this.#stringStart = this.#at;
    this.#at += 1;
    this.#expects = insideString;
  }

  #value(bytes: Buffer, byte: number, isWhole: boolean): boolean {
    if (byte === 0x22) this.#string(false);
    else if (byte === 0x7b || byte === 0x5b) this.#begin(byte === 0x7b);
    else if (isWhole || !this.#isCutNumber(bytes)) {
      this.#at = skipValue(bytes, undefined, this.#at, 0);
      this.#ended();
    } else return false;
    return true;
  }

  #isCutNumber(bytes: Buffer): boolean {
    let at = this.#at;
    while (at < bytes.length && isOfNumber[bytes[at]!] === 1) at++;
    if (at < bytes.length) return false;
    this.#enoughBytes = at + (at - this.#at);
    return true;
  }

  #begin(isObject: boolean): void {
    this.#open += 1;
    if (this.#open > maxDepth) throw tooDeep(this.#at);
    this.#isObject[this.#open] = isObject ? 1 : 0;
    this.#entries[this.#open] = this.#open <= maxNotedDepth ? this.starts.length : -1;
    if (this.#open <= maxNotedDepth) {
      this.starts.push(this.#at);
      this.ends.push(0);
    }
    this.#at += 1;
    this.#expects = isObject ? firstKey : firstItem;
  }

  #after(byte: number): void {
    const isObject = this.#isObject[this.#open] === 1;
    if (byte === 0x2c) {
      this.#at += 1;
      this.#expects = isObject ? key : value;
    } else if (byte === (isObject ? 0x7d : 0x5d)) this.#close();
    else throw malformed(this.#at);
  }

  #close(): void {
    this.#at += 1;
    const entry = this.#entries[this.#open]!;
    if (entry >= 0) {
      if (this.#at - this.starts[entry]! >= minNotedBytes) this.ends[entry] = this.#at;
      else {
        // It is the last: what stands inside it is smaller still.
        this.starts.pop();
        this.ends.pop();
      }
    }
    this.#open -= 1;
    this.#ended();
  }

  /** A value has ended. What follows the outermost is left to the scan. */
  #ended(): void {
    this.#expects = this.#open === 0 ? over : after;
  }
}
