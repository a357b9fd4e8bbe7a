/** Filters decided on columns: once for each distinct row of a block, then by number for each event. */
import type { ColumnBlock } from "../block/index.ts";
import { FIELDS, type Field, type FieldValue } from "./fields.ts";
import { type Comparison, FilterError, type Operator, parseFilter } from "./parse.ts";

/** A value that a block's document must name, for the block to be looked at. */
export interface Term {
  field: string;
  term: string;
}

/** A filter that was understood. */
export interface Filter {
  /** Terms that every matching block has. */
  terms: readonly Term[];
  /** Numbers of the events in a block that match, ascending. */
  match(block: ColumnBlock): number[];
}

/** Understands a filter; throws a FilterError that says where and what is allowed. */
export function compileFilter(text: string): Filter {
  const tests = parseFilter(text).map((comparison) => compile(comparison));
  return {
    terms: tests.flatMap(({ term }) => (term === undefined ? [] : [term])),
    match(block) {
      let left: number[] | undefined;
      for (const { test } of tests) {
        const decide = test(block);
        left = left === undefined ? range(block.count).filter(decide) : left.filter(decide);
        if (left.length === 0) return left;
      }
      return left ?? range(block.count);
    },
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

interface Test {
  term: Term | undefined;
  test: (block: ColumnBlock) => (event: number) => boolean;
}

function compile({ field: name, operator, value, quoted, column }: Comparison): Test {
  const field = FIELDS.get(name);
  if (field === undefined) {
    throw new FilterError(column, `unknown field "${name}"; known are ${[...FIELDS.keys()].join(", ")}`);
  }
  const any = operator === ":" && value === "*" && !quoted;
  const matches = any ? isPresent : comparer(operator, value);
  const term =
    operator === "=" && field.term !== undefined ? { field: field.term, term: termOf(name, value) } : undefined;
  return { term, test: (block) => decideRows(field, block, matches) };
}

/** Decides every distinct row, then gives the decision for an event. */
function decideRows(
  field: Field,
  block: ColumnBlock,
  matches: (value: FieldValue) => boolean,
): (event: number) => boolean {
  const rows = field.rows(block);
  const decided = new Uint8Array(rows.length + 1);
  for (const [index, row] of rows.entries()) decided[index + 1] = matches(field.value(row as never)) ? 1 : 0;
  return (event) => {
    const found = field.rowsOf(block, event);
    return typeof found === "number" ? decided[found] === 1 : found.some((row) => decided[row] === 1);
  };
}

function isPresent(value: FieldValue): boolean {
  return Array.isArray(value) ? value.some((item) => isPresent(item)) : value !== undefined && value !== "";
}

function comparer(operator: Operator, wanted: string): (value: FieldValue) => boolean {
  const equals = (value: FieldValue): boolean => value !== undefined && String(value) === wanted;
  const has = (value: FieldValue): boolean => (typeof value === "string" ? value.includes(wanted) : equals(value));
  // `:` on a list asks for an item; on a text for a part of it.
  return (value) => (Array.isArray(value) ? value.some(equals) : operator === "=" ? equals(value) : has(value));
}

function termOf(field: string, value: string): string {
  return `${field}=${value}`;
}

/** Values of one field that a block's terms keep, at most. */
const TERMS_PER_FIELD_MAX = 256;
/** Characters of a term, at most; a longer one counts as overflow. */
const TERM_LENGTH_MAX = 512;

/** The terms of a block, and the fields that have more values than terms may keep. */
export function termsOf(block: ColumnBlock): { terms: string[]; overflow: string[] } {
  const terms: string[] = [];
  const overflow: string[] = [];
  for (const [name, field] of FIELDS) {
    if (field.term === undefined) continue;
    const distinct = new Set<string>();
    let complete = true;
    for (const row of field.rows(block)) {
      const value = field.value(row as never);
      for (const item of Array.isArray(value) ? value : [value]) {
        const text = item === undefined ? "" : String(item);
        if (text === "") continue;
        if (text.length > TERM_LENGTH_MAX || distinct.size >= TERMS_PER_FIELD_MAX) complete = false;
        else distinct.add(text);
      }
    }
    for (const text of distinct) terms.push(termOf(name, text));
    if (!complete) overflow.push(name);
  }
  return { terms, overflow };
}
