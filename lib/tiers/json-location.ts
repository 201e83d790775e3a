/**
 * Says where JSON stops being JSON. `JSON.parse` gives a position in some of its messages and in some Node
 * versions only; a file that a person edits deserves the line.
 */

/** Line and column, both from 1. */
export interface TextLocation {
  readonly line: number;
  readonly column: number;
}

const whitespace = /[ \t\n\r]*/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings exclude exactly these.
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;

class Scanner {
  readonly #text: string;
  /** The furthest offset up to which the text is JSON. */
  offset: number = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.offset;
    const match = pattern.exec(this.#text);
    if (match === null) return false;
    this.offset += match[0].length;
    return true;
  }

  #take(character: string): boolean {
    this.#match(whitespace);
    if (this.#text[this.offset] !== character) return false;
    this.offset += 1;
    return true;
  }

  #members(close: string, member: () => boolean): boolean {
    if (this.#take(close)) return true;
    do {
      if (!member()) return false;
    } while (this.#take(','));
    return this.#take(close);
  }

  value(): boolean {
    this.#match(whitespace);
    const next = this.#text[this.offset];
    if (next === '{') {
      this.offset += 1;
      const member = (): boolean => {
        this.#match(whitespace);
        return this.#match(string) && this.#take(':') && this.value();
      };
      return this.#members('}', member);
    }
    if (next === '[') {
      this.offset += 1;
      return this.#members(']', () => this.value());
    }
    return next === '"' ? this.#match(string) : this.#match(scalar);
  }

  end(): boolean {
    this.#match(whitespace);
    return this.offset === this.#text.length;
  }
}

/** Where `text` stops being JSON, or `null` when all of it is. */
export function locateJsonError(text: string): TextLocation | null {
  const scanner = new Scanner(text);
  if (scanner.value() && scanner.end()) return null;
  const before = text.slice(0, scanner.offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
