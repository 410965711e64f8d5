/**
 * JSON (RFC 8259) as in editors: comments and trailing commas are allowed, because Cursor and VS Code files contain both. Unlike
 * `JSON.parse` it keeps the order of all members and reports repeated ones, and its faults never quote the text, which may
 * contain secrets.
 */

export type JsoncValue = null | boolean | number | string | readonly JsoncValue[] | JsonObject;
/** A Map, so that keys such as `7` or `__proto__` are ordinary members. */
export type JsonObject = ReadonlyMap<string, JsoncValue>;
export type JsonPath = readonly (string | number)[];

const maxJsonDepth = 64;

/** The position at which the text is no longer JSON. Line and column count from 1. */
export class JsonSyntaxError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(problem: string, line: number, column: number) {
    super(problem);
    this.name = 'JsonSyntaxError';
    this.line = line;
    this.column = column;
  }
}

export interface JsonDocument {
  readonly value: JsoncValue;
  /** Members that are repeated in their object; `value` contains the first one. */
  readonly repeated: readonly JsonPath[];
}

/** Throws `JsonSyntaxError`. A byte order mark at the beginning is skipped. */
export function parseJsonc(text: string): JsonDocument {
  const reader = new Reader(text);
  return { value: reader.document(), repeated: reader.repeated };
}

const literals = new Map<string, JsoncValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Reader {
  readonly repeated: JsonPath[] = [];
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at: number;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith('\uFEFF') ? 1 : 0;
  }

  document(): JsoncValue {
    this.#skip();
    if (this.#at === this.#text.length) throw this.#fault('the text is empty');
    const value = this.#value();
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fault('text after the end of the value');
    return value;
  }

  #value(): JsoncValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case undefined:
        throw this.#fault('the text ends where a value is expected');
      default:
        return this.#scalar();
    }
  }

  #object(): JsonObject {
    const members = new Map<string, JsoncValue>();
    this.#enter();
    while (!this.#ends('}')) {
      if (this.#text[this.#at] !== '"') throw this.#fault('a member name in double quotes is expected');
      const key = this.#string();
      this.#skip();
      if (this.#text[this.#at] !== ':') throw this.#fault('":" is expected after a member name');
      this.#at += 1;
      this.#skip();
      this.#path.push(key);
      if (members.has(key)) {
        this.repeated.push([...this.#path]);
        this.#value();
      } else {
        members.set(key, this.#value());
      }
      this.#path.pop();
      this.#separator('}');
    }
    return members;
  }

  #array(): readonly JsoncValue[] {
    const items: JsoncValue[] = [];
    this.#enter();
    while (!this.#ends(']')) {
      this.#path.push(items.length);
      items.push(this.#value());
      this.#path.pop();
      this.#separator(']');
    }
    return items;
  }

  #enter(): void {
    if (this.#path.length >= maxJsonDepth) throw this.#fault(`nested deeper than ${maxJsonDepth} levels`);
    this.#at += 1;
    this.#skip();
  }

  #ends(close: '}' | ']'): boolean {
    if (this.#text[this.#at] !== close) return false;
    this.#at += 1;
    return true;
  }

  #separator(close: '}' | ']'): void {
    this.#skip();
    if (this.#text[this.#at] === ',') {
      this.#at += 1;
      this.#skip();
      if (this.#text[this.#at] === ',') throw this.#fault('a comma with nothing before it');
    } else if (this.#text[this.#at] !== close) {
      throw this.#fault(
        this.#at === this.#text.length ? `the text ends before "${close}"` : `"," or "${close}" is expected`,
      );
    }
  }

  #string(): string {
    const start = this.#at;
    for (let i = start + 1; i < this.#text.length; i += 1) {
      const code = this.#text.charCodeAt(i);
      if (code === 0x5c) i += 1;
      else if (code === 0x22) {
        this.#at = i + 1;
        return this.#decoded(start);
      } else if (code < 0x20) {
        this.#at = i;
        throw this.#fault('a line break or control character inside a string');
      }
    }
    throw this.#fault('a string that does not end');
  }

  #decoded(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      // The message of JSON.parse quotes the string, which may be a secret.
      this.#at = start;
      throw this.#fault('a string with an escape that JSON does not have');
    }
  }

  #scalar(): JsoncValue {
    const start = this.#at;
    let end = start;
    while (end < this.#text.length && isScalarChar(this.#text.charCodeAt(end))) end += 1;
    const word = this.#text.slice(start, end);
    const literal = literals.get(word);
    const first = word.charCodeAt(0);
    if (literal === undefined && first !== 0x2d && !(first >= 0x30 && first <= 0x39))
      throw this.#fault('a value is expected');
    this.#at = end;
    if (literal !== undefined) return literal;
    try {
      return JSON.parse(word) as number;
    } catch {
      this.#at = start;
      throw this.#fault('a number that is not written as JSON has it');
    }
  }

  /* White space and comments. */
  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) {
        this.#at += 1;
      } else if (this.#text.startsWith('//', this.#at)) {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end === -1 ? this.#text.length : end + 1;
      } else if (this.#text.startsWith('/*', this.#at)) {
        const end = this.#text.indexOf('*/', this.#at + 2);
        if (end === -1) throw this.#fault('a comment that does not end');
        this.#at = end + 2;
      } else {
        return;
      }
    }
  }

  #fault(problem: string): JsonSyntaxError {
    const before = this.#text.slice(0, this.#at);
    const lineStart = before.lastIndexOf('\n') + 1;
    return new JsonSyntaxError(problem, before.split('\n').length, this.#at - lineStart + 1);
  }
}

/* Letters, digits, `+`, `-`, `.`: the characters of numbers and literals; JSON.parse checks the rest. */
function isScalarChar(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x2e
  );
}
