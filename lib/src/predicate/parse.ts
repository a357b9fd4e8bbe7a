/**
 * The first part of AIP-160: comparisons `field = value` and `field : value`, joined by AND.
 * Source: https://google.aip.dev/160
 */

/** `=` compares; `:` has: an item of a list, a part of a text, or, with `*`, any value at all. */
type Operator = "=" | ":";

export interface Comparison {
  field: string;
  operator: Operator;
  value: string;
  /** True where the value stood in quotes, so that "*" is a text and * is any value. */
  quoted: boolean;
  /** Where in the filter's text the comparison begins, counted from 1. */
  column: number;
  /** Where its value begins. */
  valueColumn: number;
}

/** A filter that cannot be understood. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  /** Where in the filter's text, counted from 1. */
  readonly column: number;

  constructor(column: number, detail: string) {
    super(`filter, column ${column}: ${detail}`);
    this.column = column;
  }
}

/** Characters of a filter, at most. */
const FILTER_LENGTH_MAX = 4096;
/** Comparisons in a filter, at most. */
const COMPARISONS_MAX = 32;

interface Token {
  kind: "word" | "text" | "operator";
  text: string;
  column: number;
}

/** Parses a filter; an empty one has no comparisons and matches everything. */
export function parseFilter(filter: string): Comparison[] {
  if (filter.length > FILTER_LENGTH_MAX) {
    throw new FilterError(1, `${filter.length} characters; at most ${FILTER_LENGTH_MAX} are allowed`);
  }
  const tokens = tokenize(filter);
  const comparisons: Comparison[] = [];
  let at = 0;
  const next = (what: string): Token => {
    const token = tokens[at++];
    if (token === undefined) throw new FilterError(filter.length + 1, `ends where ${what} is expected`);
    return token;
  };
  while (at < tokens.length) {
    if (comparisons.length > 0) {
      const joint = next("AND");
      if (joint.kind !== "word" || joint.text !== "AND") {
        throw new FilterError(joint.column, `"${joint.text}" where AND is expected`);
      }
    }
    const field = next("a field");
    if (field.kind !== "word" || /^(?:AND|OR|NOT)$/.test(field.text) || field.text.startsWith("-")) {
      throw new FilterError(field.column, `"${field.text}" where a field is expected; allowed is: field = value AND …`);
    }
    const operator = next("= or :");
    if (operator.kind !== "operator" || (operator.text !== "=" && operator.text !== ":")) {
      throw new FilterError(operator.column, `"${operator.text}" where = or : is expected`);
    }
    const value = next("a value");
    if (value.kind === "operator") throw new FilterError(value.column, `"${value.text}" where a value is expected`);
    comparisons.push({
      field: field.text,
      operator: operator.text,
      value: value.text,
      quoted: value.kind === "text",
      column: field.column,
      valueColumn: value.column,
    });
    if (comparisons.length > COMPARISONS_MAX) {
      throw new FilterError(field.column, `more than ${COMPARISONS_MAX} comparisons`);
    }
  }
  return comparisons;
}

const OPERATORS = /^(?:!=|<=|>=|[=:<>()])/;

function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < filter.length) {
    const character = filter[at] ?? "";
    const column = at + 1;
    if (/\s/.test(character)) {
      at++;
      continue;
    }
    if (character === '"' || character === "'") {
      const { text, end } = quoted(filter, at);
      tokens.push({ kind: "text", text, column });
      at = end;
      continue;
    }
    const operator = OPERATORS.exec(filter.slice(at, at + 2));
    // After an operator a colon begins a value, as in ::1.
    if (operator !== null && (operator[0] !== ":" || isHas(filter, at, tokens))) {
      tokens.push({ kind: "operator", text: operator[0], column });
      at += operator[0].length;
      continue;
    }
    let end = at;
    while (end < filter.length && !/[\s=<>()"']/.test(filter[end] ?? "") && !isHas(filter, end, tokens)) end++;
    tokens.push({ kind: "word", text: filter.slice(at, end), column });
    at = end;
  }
  return tokens;
}

/** A colon is an operator after a field and a plain character in a value, as in 2001:db8::1. */
function isHas(filter: string, at: number, tokens: readonly Token[]): boolean {
  return filter[at] === ":" && tokens.at(-1)?.kind !== "operator";
}

function quoted(filter: string, start: number): { text: string; end: number } {
  const quote = filter[start];
  let text = "";
  for (let at = start + 1; at < filter.length; at++) {
    const character = filter[at];
    if (character === quote) return { text, end: at + 1 };
    if (character === "\\" && at + 1 < filter.length) {
      at++;
      text += filter[at];
    } else text += character;
  }
  throw new FilterError(start + 1, "a quote that is never closed");
}
