/** Filters decided on columns: once for each distinct row of a block, then by number for each event. */
import type { ColumnBlock } from "../block/index.ts";
import { FIELDS, type Field, type FieldValue } from "./fields.ts";
import { formsOf } from "./forms.ts";
import { type Comparison, FilterError, parseFilter } from "./parse.ts";
import { mayAnswer, type SieveAnswers } from "./sieve.ts";
import type { Question } from "./types.ts";

/** A filter that was understood. */
export interface Filter {
  /** False where nothing in what the sieve was told of can match; asks for little, and costs little. */
  mayMatch(sieve: SieveAnswers): boolean;
  /** Numbers of the events in a block that match, ascending. */
  match(block: ColumnBlock): number[];
}

/** Understands a filter; throws a FilterError that says where and what is allowed. */
export function compileFilter(text: string): Filter {
  const tests = parseFilter(text).map((comparison) => compile(comparison));
  return {
    mayMatch: (sieve) => tests.every(({ mayMatch }) => mayMatch(sieve)),
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
  mayMatch: (sieve: SieveAnswers) => boolean;
  test: (block: ColumnBlock) => (event: number) => boolean;
}

function compile(comparison: Comparison): Test {
  const { field: name, operator, value, quoted, column } = comparison;
  const field = FIELDS.get(name);
  if (field === undefined) {
    throw new FilterError(column, `unknown field "${name}"; known are ${[...FIELDS.keys()].join(", ")}`);
  }
  if (operator === ":" && value === "*" && !quoted) {
    return { mayMatch: () => true, test: (block) => decideRows(field, block, (values) => isPresent(field, values)) };
  }
  const question = questionOf(field, comparison);
  return {
    mayMatch: (sieve) => mayAnswer(sieve, name, field, question),
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

function isPresent(field: Field, values: FieldValue): boolean {
  return formsOf(field, values).some((form) => form !== "" && form !== field.type.none);
}
