/** What a filter's parts are made to: each says which events of a block it means, and whether a sieve rules them out. */
import { costOf, decideEvents, decideRows, type RowTest, rowTest } from "./decide.ts";
import { EVENT_COLUMN, type Field } from "./field.ts";
import { add, allEvents, hasAny, type Mask, noEvents, without } from "./mask.ts";
import type { Page } from "./page.ts";
import { ANY_VALUE, type Question } from "./question.ts";
import { refsOf } from "./refs.ts";
import type { SieveAnswers } from "./answers.ts";
import { mayAnswer } from "./sieve.ts";

export interface Test {
  /** What it costs beside others, about. */
  cost: number;
  /** False where nothing in what the sieve was told of can match. */
  mayMatch(sieve: SieveAnswers): boolean;
  /** Which events match; only those of `among` are looked at, where it is given. */
  decide(page: Page, among: Mask | undefined): Mask;
}

/** All of them match. The cheapest is asked first, and the others only about what is left. */
export function every(tests: readonly Test[]): Test {
  const sorted = tests.toSorted((a, b) => a.cost - b.cost);
  return {
    cost: sumOf(tests),
    mayMatch: (sieve) => tests.every((test) => test.mayMatch(sieve)),
    decide(page, among) {
      let left = among;
      for (const test of sorted) {
        left = test.decide(page, left);
        if (!hasAny(left)) return left;
      }
      return left ?? allEvents(page.block.count);
    },
  };
}

/** One of them matches. */
export function some(tests: readonly Test[]): Test {
  const sorted = tests.toSorted((a, b) => a.cost - b.cost);
  return {
    cost: sumOf(tests),
    mayMatch: (sieve) => tests.some((test) => test.mayMatch(sieve)),
    decide(page, among) {
      const found = noEvents(page.block.count);
      let left = among;
      for (const test of sorted) {
        if (left !== undefined && !hasAny(left)) break;
        const more = test.decide(page, left);
        add(found, more);
        left = without(more, left);
      }
      return found;
    },
  };
}

/** It does not match. A sieve that has something in it does not say that nothing else is there. */
export function none(test: Test): Test {
  return {
    cost: test.cost,
    mayMatch: () => true,
    decide: (page, among) => without(test.decide(page, among), among),
  };
}

function sumOf(tests: readonly Test[]): number {
  return tests.reduce((sum, { cost }) => sum + cost, 0);
}

/** A value of the field passes. */
export function passing(name: string, field: Field, question: Question): Test {
  return {
    cost: costOf(field, question),
    mayMatch: (sieve) => mayAnswer(sieve, name, field, question),
    decide: (page, among) => decideField(field, rowTest(field, question, page), page, among),
  };
}

/** There is a value, and none passes. */
export function differing(name: string, field: Field, question: Question): Test {
  const equal = passing(name, field, question);
  const some = passing(name, field, ANY_VALUE);
  return {
    cost: equal.cost + some.cost,
    mayMatch: () => true,
    decide(page, among) {
      const there = some.decide(page, among);
      return without(equal.decide(page, there), there);
    },
  };
}

function decideField(field: Field, test: RowTest, { block }: Page, among: Mask | undefined): Mask {
  const { column } = field;
  if (column === EVENT_COLUMN) return decideEvents(test, block.count, among);
  return decideRows(refsOf(column)(block), field.count(block), test, block.count, among);
}

/** A value of any of the fields passes: fields of one column are asked together. */
export function passingAny(fields: readonly (readonly [name: string, field: Field])[], question: Question): Test {
  const byColumn = Map.groupBy(fields, ([, { column }]) => column);
  return some(
    Array.from(byColumn.values(), (group): Test => {
      const [[, first]] = group as [readonly [string, Field]];
      return {
        cost: group.reduce((sum, [, field]) => sum + costOf(field, question), 0),
        mayMatch: (sieve) => group.some(([name, field]) => mayAnswer(sieve, name, field, question)),
        decide(page, among) {
          const tests = group.map(([, field]) => rowTest(field, question, page));
          return decideField(first, (row) => tests.some((test) => test(row)), page, among);
        },
      };
    }),
  );
}
