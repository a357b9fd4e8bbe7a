/** A filter's text, read from its beginning: words, texts in quotes, and signs. */
import { FilterError } from "./error.ts";
import type { Literal } from "./tree.ts";

/** What ends a word, wherever it stands. */
const ENDS = /[\s=<>()"']/;

/** Characters that a word may have beside those of all: a colon in a value, a comma outside of a function's brackets. */
export interface WordKind {
  colon: boolean;
  comma: boolean;
}

export class Characters {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character, counted from 1. */
  get column(): number {
    return this.at + 1;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  get next(): string {
    return this.text[this.at] ?? "";
  }

  skipSpace(): void {
    while (!this.isAtEnd && /\s/.test(this.next)) this.at++;
  }

  /** Takes these characters where they stand here. */
  take(characters: string): boolean {
    if (!this.text.startsWith(characters, this.at)) return false;
    this.at += characters.length;
    return true;
  }

  /** Takes a word in capitals where it stands here alone. */
  takeKeyword(keyword: string): boolean {
    const end = this.at + keyword.length;
    const after = this.text[end] ?? " ";
    if (!this.text.startsWith(keyword, this.at) || !(/\s/.test(after) || after === "(")) return false;
    this.at = end;
    return true;
  }

  /** What stands here, for an error: a word or a sign. */
  get found(): string {
    const word = this.text.slice(this.at, this.#wordEnd({ colon: true, comma: true }));
    return word === "" ? this.next : word;
  }

  #isEnd(at: number, { colon, comma }: WordKind): boolean {
    const character = this.text[at] ?? "";
    if (character === "!") return this.text[at + 1] === "=";
    return ENDS.test(character) || (!colon && character === ":") || (!comma && character === ",");
  }

  #wordEnd(kind: WordKind): number {
    let end = this.at;
    while (end < this.text.length && !this.#isEnd(end, kind)) end++;
    return end;
  }

  /** A word without quotes, in which a backslash means itself unless a star is behind it; empty where none stands here. */
  word(kind: WordKind): Literal {
    const { column } = this;
    const end = this.#wordEnd(kind);
    const literal = new LiteralBuilder(column, false);
    for (; this.at < end; this.at++) {
      if (this.next === "\\" && this.text[this.at + 1] === "*" && this.at + 1 < end) {
        this.at++;
        literal.star(true);
      } else if (this.next === "*") literal.star(false);
      else literal.add(this.next);
    }
    return literal.finish();
  }

  get isQuote(): boolean {
    return this.next === '"' || this.next === "'";
  }

  /** A text in quotes. Behind a backslash a quote, a star or a backslash is itself; before anything else a backslash is one. */
  quoted(): Literal {
    const { column } = this;
    const quote = this.next;
    const literal = new LiteralBuilder(column, true);
    for (this.at++; !this.isAtEnd; this.at++) {
      const character = this.next;
      if (character === quote) {
        this.at++;
        return literal.finish();
      }
      const escaped = character === "\\" ? (this.text[this.at + 1] ?? "") : "";
      if (escaped === "*") literal.star(true);
      else if (escaped !== "" && `"'\\`.includes(escaped)) literal.add(escaped);
      else if (character === "*") {
        literal.star(false);
        continue;
      } else {
        literal.add(character);
        continue;
      }
      this.at++;
    }
    throw new FilterError(column, `a quote that is never closed; a ${quote} in the text is written \\${quote}`);
  }
}

class LiteralBuilder {
  readonly #column: number;
  readonly #isQuoted: boolean;
  readonly #parts = [""];
  #raw = "";

  constructor(column: number, isQuoted: boolean) {
    this.#column = column;
    this.#isQuoted = isQuoted;
  }

  add(text: string): void {
    this.#raw += text;
    this.#parts.push(`${this.#parts.pop() ?? ""}${text}`);
  }

  /** A star, which is text where it was escaped. */
  star(isText: boolean): void {
    if (isText) {
      this.add("*");
      this.#raw = `${this.#raw.slice(0, -1)}\\*`;
    } else {
      this.#raw += "*";
      this.#parts.push("");
    }
  }

  finish(): Literal {
    return { parts: this.#parts, raw: this.#raw, isQuoted: this.#isQuoted, column: this.#column };
  }
}
