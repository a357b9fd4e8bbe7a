/**
 * Filters in the language of AIP-160. White space joins as AND does, but closer; OR binds closer than both.
 * Source: https://google.aip.dev/160 and its grammar, https://google.aip.dev/assets/misc/ebnf-filtering.txt
 */
import { Characters } from "./characters.ts";
import { FilterError, shown } from "./error.ts";
import { nestingOf } from "./format.ts";
import { COMPARATORS, type Comparator, type Literal, type Restriction, textOf, type Tree } from "./tree.ts";

/** Characters of a filter, at most. */
export const FILTER_LENGTH_MAX = 4096;
/** Comparisons, functions and words in a filter, at most. */
export const RESTRICTIONS_MAX = 256;
/** Brackets in each other, at most, both as they were written and as the filter is written with all of them. */
export const DEPTH_MAX = 32;

/** Parses a filter; undefined for an empty one, which matches everything. Throws a FilterError that says where and what is allowed. */
export function parseFilter(text: string): Tree | undefined {
  if (text.length > FILTER_LENGTH_MAX) {
    throw new FilterError(1, `${text.length} characters; at most ${FILTER_LENGTH_MAX} are allowed`);
  }
  const parser = new Parser(text);
  return parser.filter();
}

const KEYWORD = /^(?:AND|OR|NOT)$/;
/** What a function may be called. */
const NAME = /^[A-Za-z]\w*$/;

/** Before brackets of a value, as in `field = (a OR b)`: what each word in them is compared with. */
type Left = Pick<Restriction, "path" | "comparator" | "column">;

class Parser {
  readonly #characters: Characters;
  #restrictions = 0;
  #depth = 0;

  constructor(text: string) {
    this.#characters = new Characters(text);
  }

  filter(): Tree | undefined {
    const characters = this.#characters;
    characters.skipSpace();
    if (characters.isAtEnd) return undefined;
    const tree = this.#expression(undefined);
    if (!characters.isAtEnd) {
      throw new FilterError(
        characters.column,
        `${shown(characters.found)} where AND, OR or the end is expected${characters.next === ")" ? "; no bracket is open" : ""}`,
      );
    }
    if (nestingOf(tree) > DEPTH_MAX)
      throw new FilterError(1, `more than ${DEPTH_MAX} levels of AND, OR and NOT in each other`);
    return tree;
  }

  #expression(left: Left | undefined): Tree {
    const parts = [this.#sequence(left)];
    while (this.#characters.takeKeyword("AND")) parts.push(this.#sequence(left));
    return joined("and", parts);
  }

  #sequence(left: Left | undefined): Tree {
    const parts = [this.#factor(left)];
    while (this.#isFactorNext()) parts.push(this.#factor(left));
    return joined("and", parts);
  }

  #isFactorNext(): boolean {
    const characters = this.#characters;
    characters.skipSpace();
    if (characters.isAtEnd || characters.next === ")") return false;
    const { at } = characters;
    const isKeyword = characters.takeKeyword("AND");
    characters.at = at;
    return !isKeyword;
  }

  #factor(left: Left | undefined): Tree {
    const parts = [this.#term(left)];
    for (;;) {
      this.#characters.skipSpace();
      if (!this.#characters.takeKeyword("OR")) return joined("or", parts);
      parts.push(this.#term(left));
    }
  }

  #term(left: Left | undefined): Tree {
    const characters = this.#characters;
    characters.skipSpace();
    const { column } = characters;
    if (characters.takeKeyword("NOT")) {
      characters.skipSpace();
      return { kind: "not", part: this.#simple(left, column) };
    }
    if (characters.next === "-") {
      characters.at++;
      // Else `a - b` would be read as two words of which one must not be there.
      if (characters.isAtEnd || /\s/.test(characters.next))
        throw new FilterError(column, `"-" alone; it stands right before what must not match, as in -user.name = root`);
      return { kind: "not", part: this.#simple(left, column) };
    }
    return this.#simple(left, undefined);
  }

  /** `negation`: where the NOT or - before it stands. */
  #simple(left: Left | undefined, negation: number | undefined): Tree {
    const characters = this.#characters;
    if (characters.next === "(") return this.#composite(left);
    if (negation !== undefined && (characters.next === "-" || characters.takeKeyword("NOT")))
      throw new FilterError(
        negation,
        "a negation of a negation; allowed is one of NOT and - before brackets or a comparison",
      );
    return left === undefined ? this.#restriction() : this.#valueOf(left);
  }

  #composite(left: Left | undefined): Tree {
    const characters = this.#characters;
    const { column } = characters;
    characters.at++;
    if (++this.#depth > DEPTH_MAX) throw new FilterError(column, `more than ${DEPTH_MAX} brackets in each other`);
    characters.skipSpace();
    if (characters.next === ")") throw new FilterError(characters.column, "nothing in brackets");
    const tree = this.#expression(left);
    this.#close(column);
    this.#depth--;
    return tree;
  }

  #close(column: number): void {
    const characters = this.#characters;
    characters.skipSpace();
    if (characters.take(")")) return;
    if (characters.isAtEnd) throw new FilterError(column, "a bracket that is never closed");
    throw new FilterError(characters.column, `${shown(characters.found)} where ")" is expected`);
  }

  #count(column: number): void {
    if (++this.#restrictions > RESTRICTIONS_MAX)
      throw new FilterError(column, `more than ${RESTRICTIONS_MAX} comparisons, functions and words`);
  }

  /** In brackets behind a comparator: one value. */
  #valueOf(left: Left): Tree {
    const characters = this.#characters;
    const { column } = characters;
    const value = this.#literal(true, "a value");
    this.#count(column);
    characters.skipSpace();
    if (this.#comparator() !== undefined)
      throw new FilterError(
        column,
        "a comparison where a value is expected; in brackets behind = and : stand values, as in field = (a OR b)",
      );
    return { kind: "restriction", ...left, value };
  }

  #restriction(): Tree {
    const characters = this.#characters;
    const { column } = characters;
    this.#count(column);
    const { path, literal, endsQuoted } = this.#member("a field, a function or a word");
    const end = characters.at;
    // A function's name has no quotes.
    if (!endsQuoted && characters.next === "(") return this.#call(path, column);
    characters.skipSpace();
    const signColumn = characters.column;
    const comparator = this.#comparator();
    if (comparator === undefined) {
      if (end + 1 !== column + literal.raw.length && !literal.isQuoted)
        throw new FilterError(
          signColumn,
          `${characters.isAtEnd ? "ends" : shown(characters.found)} where a comparison is expected`,
        );
      return this.#bare(literal);
    }
    if (literal.isQuoted)
      throw new FilterError(
        column,
        `a text in quotes where a field is expected; a field has none, as in user.name ${comparator} root`,
      );
    characters.skipSpace();
    if (characters.next === "(") {
      if (comparator !== "=" && comparator !== ":")
        throw new FilterError(
          characters.column,
          `brackets behind ${comparator}; allowed are they behind = and :, as in NOT field = (a OR b)`,
        );
      this.#restrictions--;
      return this.#composite({ path, comparator, column });
    }
    if (this.#characters.isAtEnd) throw new FilterError(characters.column, `ends where a value is expected`);
    const value = this.#literal(true, `a value`, signColumn);
    return { kind: "restriction", path, comparator, value, column };
  }

  /** A word alone. What is one only by mistake is told. */
  #bare(value: Literal): Tree {
    const { column, isQuoted } = value;
    if (!isQuoted && /^(?:and|or|not)$/.test(value.raw))
      throw new FilterError(
        column,
        `"${value.raw}" is written ${value.raw.toUpperCase()}; the word itself is found by "${value.raw}" in quotes`,
      );
    if (!isQuoted && /^(?:&&?|\|\|?|!.*)$/.test(value.raw))
      throw new FilterError(column, `${shown(value.raw)} where AND, OR or NOT is expected`);
    return { kind: "word", value, column };
  }

  #comparator(): Comparator | undefined {
    return COMPARATORS.find((each) => this.#characters.take(each));
  }

  /** A value: a word or a text in quotes. */
  #literal(comma: boolean, what: string, after?: number): Literal {
    const characters = this.#characters;
    if (characters.isQuote) return characters.quoted();
    const word = characters.word({ colon: true, comma });
    if (KEYWORD.test(word.raw))
      throw new FilterError(
        word.column,
        `"${word.raw}" where ${what} is expected; the word itself is written in quotes`,
      );
    if (word.raw !== "") return word;
    if (characters.isAtEnd) throw new FilterError(characters.column, `ends where ${what} is expected`);
    const sign = characters.text.slice((after ?? characters.column) - 1, characters.column).replaceAll(/\s/g, "");
    const hint = sign === "==" ? "; equal is written =" : "";
    throw new FilterError(characters.column, `${shown(characters.found)} where ${what} is expected${hint}`);
  }

  /** A field's name or a word: parts between dots, of which all but the first may stand in quotes. */
  #member(what: string, comma = true): { path: string[]; literal: Literal; endsQuoted: boolean } {
    const characters = this.#characters;
    const { column } = characters;
    if (characters.isQuote) {
      const literal = characters.quoted();
      if (characters.next === ".")
        throw new FilterError(column, "a text in quotes before a dot; the first part of a field has no quotes");
      return { path: [textOf(literal)], literal, endsQuoted: true };
    }
    if (characters.isAtEnd) throw new FilterError(column, `ends where ${what} is expected`);
    const literal = characters.word({ colon: false, comma });
    if (literal.raw === "" || KEYWORD.test(literal.raw))
      throw new FilterError(column, `${shown(literal.raw || characters.found)} where ${what} is expected`);
    const path = literal.raw.split(".");
    let endsQuoted = false;
    while (characters.isQuote && path.length > 1 && path.at(-1) === "") {
      path[path.length - 1] = textOf(characters.quoted());
      endsQuoted = characters.next !== ".";
      if (!endsQuoted) path.push(...characters.word({ colon: false, comma }).raw.slice(1).split("."));
    }
    return { path, literal, endsQuoted };
  }

  /** `name(field, value)`, or `field.name(value)`. */
  #call(path: readonly string[], column: number): Tree {
    const characters = this.#characters;
    const open = characters.column;
    const name = path.at(-1) ?? "";
    let ofPath = path.slice(0, -1);
    let pathColumn = column;
    if (!NAME.test(name) || KEYWORD.test(name))
      throw new FilterError(column, `${shown(name)} where a function's name is expected: letters, digits and _`);
    const [first] = ofPath;
    // Such a name could not stand in name(field, value).
    if (first === "" || first?.includes(",") === true || (ofPath.length === 1 && KEYWORD.test(first ?? "")))
      throw new FilterError(column, `${shown(ofPath.join("."))} where the field that ${name} is about is expected`);
    characters.at++;
    characters.skipSpace();
    if (ofPath.length === 0) {
      pathColumn = characters.column;
      const field = this.#member(`the field that ${name} is about`, false);
      if (field.literal.isQuoted) throw new FilterError(pathColumn, "a text in quotes where a field is expected");
      ofPath = field.path;
      characters.skipSpace();
      if (!characters.take(",")) {
        if (characters.isAtEnd) throw new FilterError(open, "a bracket that is never closed");
        throw new FilterError(
          characters.column,
          `${shown(characters.found)} where "," and a value are expected, as in ${name}(field, "value")`,
        );
      }
      characters.skipSpace();
    }
    const value = this.#literal(false, "a value");
    this.#close(open);
    characters.skipSpace();
    const signColumn = characters.column;
    if (this.#comparator() !== undefined)
      throw new FilterError(signColumn, `a comparison with a function; ${name}(field, "value") stands alone`);
    return { kind: "call", name, path: ofPath, value, column, pathColumn };
  }
}

/** One part alone is itself. */
function joined(kind: "and" | "or", parts: readonly Tree[]): Tree {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind, parts };
}
