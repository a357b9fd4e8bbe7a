/** Which events have a value of a field that passes a question: each distinct row is decided once, by the quickest way to its values. */
import type { Lists } from "../block/index.ts";
import type { Field, FieldValue, Reach } from "./field.ts";
import { formsOf } from "./forms.ts";
import { mayKeep } from "./kept.ts";
import type { Refs } from "./many/index.ts";
import type { Mask } from "./mask.ts";
import type { Page, StringDecisions } from "./page.ts";
import type { Question } from "./question.ts";

/** Decides on a row, counted from 0. */
export type RowTest = (row: number) => boolean;

const NO = 1;
const YES = 2;

/** Asks each row that an event of `among`, or of all, refers to. `rowCount`: how many there are; what is beyond passes nothing. */
export function decideRows(
  { rows, offsets }: Refs,
  rowCount: number,
  test: RowTest,
  events: number,
  among: Mask | undefined,
): Mask {
  const found = new Uint8Array(events);
  const decided = new Uint8Array(rowCount + 1);
  decided[0] = NO;
  const passes = (row: number): boolean => {
    const known = decided[row];
    if (known !== 0) return known === YES;
    const isPassed = test(row - 1);
    decided[row] = isPassed ? YES : NO;
    return isPassed;
  };
  if (offsets === undefined) {
    for (let event = 0; event < events; event++) {
      if (among !== undefined && among[event] === 0) continue;
      if (passes(rows[event] ?? 0)) found[event] = 1;
    }
    return found;
  }
  for (let event = 0; event < events; event++) {
    if (among !== undefined && among[event] === 0) continue;
    const end = offsets[event + 1] ?? 0;
    for (let at = offsets[event] ?? 0; at < end; at++) {
      if (!passes(rows[at] ?? 0)) continue;
      found[event] = 1;
      break;
    }
  }
  return found;
}

/** Asks each event of `among`, or of all. */
export function decideEvents(test: RowTest, events: number, among: Mask | undefined): Mask {
  const found = new Uint8Array(events);
  for (let event = 0; event < events; event++) {
    if (among !== undefined && among[event] === 0) continue;
    if (test(event)) found[event] = 1;
  }
  return found;
}

/** What asks rows of a field's column. */
export function rowTest(field: Field, question: Question, page: Page): RowTest {
  const { block } = page;
  const { reach = {} } = field;
  const test = reachedTest(field, reach, question, page);
  const through = reach.through?.(block);
  if (through === undefined) return test;
  // Many rows refer to the same one.
  const known = new Map<number, boolean>();
  return (row) => {
    const target = through[row] ?? 0;
    if (target === 0) return false;
    let isPassed = known.get(target);
    if (isPassed === undefined) known.set(target, (isPassed = test(target - 1)));
    return isPassed;
  };
}

function reachedTest(field: Field, reach: Reach, question: Question, page: Page): RowTest {
  const { block } = page;
  if (reach.at !== undefined && reach.items === undefined) {
    const { at } = reach;
    return (event) => passesValue(field, at(block, event), question);
  }
  if (reach.numbers !== undefined) return numberTest(field, reach.numbers(block), question);
  const decisions = page.decisions(question, field.type, reach.of);
  const joined = reach.words === undefined ? undefined : joinedTest(reach.words(block), question, page);
  if (reach.strings !== undefined) {
    const numbers = reach.strings(block);
    if (joined === undefined) return (row) => decisions.passes(numbers[row] ?? 0);
    return (row) => {
      const number = numbers[row] ?? 0;
      return number === 0 ? joined(row) : decisions.passes(number);
    };
  }
  if (joined !== undefined) return joined;
  if (reach.items !== undefined) return itemTest(reach.items(block), decisions);
  const views = field.views(block);
  const may = reach.kept === undefined ? undefined : mayKeep(reach.kept(block), question, page);
  return (row) => {
    if (may !== undefined && !may(row)) return false;
    const view = views[row];
    return view !== undefined && passesValue(field, field.value(view as never), question);
  };
}

function numberTest({ type }: Field, numbers: Uint32Array, question: Question): RowTest {
  const { testNumber } = question;
  if (testNumber !== undefined) return (row) => testNumber(numbers[row] ?? 0);
  return (row) => question.test(type.form(numbers[row] ?? 0) ?? "");
}

function passesValue(field: Field, value: FieldValue, question: Question): boolean {
  const { testNumber } = question;
  if (testNumber !== undefined && (typeof value === "number" || typeof value === "bigint")) return testNumber(value);
  if (value === undefined) return false;
  return formsOf(field, value).some((form) => question.test(form));
}

const NO_STRINGS = new Uint32Array(0);

function itemTest({ offsets, values }: Lists, decisions: StringDecisions): RowTest {
  const [strings = NO_STRINGS] = values;
  return (row) => {
    const end = offsets[row + 1] ?? 0;
    for (let at = offsets[row] ?? 0; at < end; at++) if (decisions.passes(strings[at] ?? 0)) return true;
    return false;
  };
}

/** Asks strings joined by spaces, and joins only where one of them has what a text that passes must have. */
function joinedTest({ offsets, values }: Lists, question: Question, page: Page): RowTest {
  const { block } = page;
  const [strings = NO_STRINGS] = values;
  const needed = neededWord(question);
  const may = needed === undefined ? undefined : page.decisions(needed, PLAIN);
  return (row) => {
    const start = offsets[row] ?? 0;
    const end = offsets[row + 1] ?? 0;
    if (may !== undefined) {
      let at = start;
      while (at < end && !may.passes(strings[at] ?? 0)) at++;
      if (at >= end) return false;
    }
    let text = "";
    for (let at = start; at < end; at++) {
      const word = block.strings.text(strings[at] ?? 0, "processes.args");
      text = at === start ? word : `${text} ${word}`;
    }
    return question.test(text);
  };
}

const PLAIN = { form: String };

/** What asks the strings of which one must pass it, kept with the question, so that it is the same whenever it is wanted. */
const neededWords = new WeakMap<Question, Question>();

function neededWord(question: Question): Question | undefined {
  const known = neededWords.get(question);
  if (known !== undefined) return known;
  const made = makeNeeded(question);
  if (made !== undefined) neededWords.set(question, made);
  return made;
}

function makeNeeded({ form, parts = [], lowerParts = [] }: Question): Question | undefined {
  const [longest] = (form === undefined ? parts : [form]).map(longestWord).toSorted((a, b) => b.length - a.length);
  if (longest !== undefined && longest !== "") return { test: (word) => word.includes(longest) };
  const lower = lowerParts.map(longestWord);
  if (lower.length === 0 || lower.some((word) => word === "")) return undefined;
  return {
    test(word) {
      const own = word.toLowerCase();
      return lower.some((each) => own.includes(each));
    },
  };
}

/** The longest word without a space: it stands in one of the strings, whole. */
export function longestWord(text: string): string {
  return text.split(" ").reduce((longest, word) => (word.length > longest.length ? word : longest), "");
}

/** What a question to a field costs beside others, about. */
export function costOf({ column, reach }: Field, { isCostly = false }: Question): number {
  const way = reach === undefined ? 3 : reach.words !== undefined ? 6 : reach.at !== undefined ? 8 : 2;
  const rows = column === "kind" || column === "host" ? 1 : column === "records" ? 6 : 2;
  return way * rows * (isCostly ? 10 : 1);
}
