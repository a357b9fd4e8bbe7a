/** Filters decided on columns: once for each distinct row of a block, then by number for each event. */
import type { ColumnBlock } from "../block/index.ts";
import { FIELDS, type Field, type FieldValue } from "./fields.ts";
import { type Comparison, FilterError, parseFilter } from "./parse.ts";
import type { Question, Value } from "./types.ts";

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

function compile(comparison: Comparison): Test {
  const { field: name, operator, value, quoted, column } = comparison;
  const field = FIELDS.get(name);
  if (field === undefined) {
    throw new FilterError(column, `unknown field "${name}"; known are ${[...FIELDS.keys()].join(", ")}`);
  }
  if (operator === ":" && value === "*" && !quoted) {
    return { term: undefined, test: (block) => decideRows(field, block, (values) => isPresent(field, values)) };
  }
  const question = questionOf(field, comparison);
  return {
    term: field.indexed && question.form ? { field: name, term: termOf(name, question.form) } : undefined,
    test: (block) => decideRows(field, block, (values) => formsOf(field, values).some((form) => question.test(form))),
  };
}

/** What a comparison asks of a value; throws where no value can be that. */
function questionOf({ type, list }: Field, { field, operator, value, quoted, valueColumn }: Comparison): Question {
  if (operator === "=" && value === "*" && !quoted) {
    throw new FilterError(valueColumn, `${field} = * asks for the text "*"; any value is ${field} : *`);
  }
  // `:` on a list asks for an item; on a text for a part of it.
  const question = type.ask(value, operator === ":" && !list);
  if (question !== undefined && !("problem" in question)) return question;
  const why = question === undefined ? `allowed is ${type.allowed}` : question.problem;
  throw new FilterError(valueColumn, `${field} is never "${value}": ${why}`);
}

/** Decides every distinct row, then gives the decision for an event. */
function decideRows(
  field: Field,
  block: ColumnBlock,
  matches: (values: FieldValue) => boolean,
): (event: number) => boolean {
  const rows = field.rows(block);
  const decided = new Uint8Array(rows.length + 1);
  for (const [index, row] of rows.entries()) decided[index + 1] = matches(field.value(row as never)) ? 1 : 0;
  return (event) => {
    const found = field.rowsOf(block, event);
    return typeof found === "number" ? decided[found] === 1 : found.some((row) => decided[row] === 1);
  };
}

const NO_FORMS: readonly string[] = [];

/** The values of a row, in the one form that each has. Most rows have one value or none. */
function formsOf({ type }: Field, values: FieldValue): readonly string[] {
  if (values === undefined) return NO_FORMS;
  if (Array.isArray(values)) {
    return (values as readonly (Value | undefined)[]).flatMap((value) =>
      value === undefined ? [] : (type.form(value) ?? []),
    );
  }
  const form = type.form(values as Value);
  return form === undefined ? NO_FORMS : [form];
}

function isPresent(field: Field, values: FieldValue): boolean {
  return formsOf(field, values).some((form) => form !== "" && form !== field.type.none);
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
    if (!field.indexed) continue;
    const distinct = new Set<string>();
    let complete = true;
    for (const row of field.rows(block)) {
      for (const text of formsOf(field, field.value(row as never))) {
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
