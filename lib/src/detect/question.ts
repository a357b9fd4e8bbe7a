/** A rule's tests as questions to the texts of fields. */
import { canonicalAddress } from "../audit/index.ts";
import { type Predicate, readNetwork, requiredAny, type ValueQuestion } from "../predicate/index.ts";
import {
  ANY,
  type Comparison,
  type Expression,
  type Item,
  longestPart,
  lowerCase,
  matcherOf,
  type Pattern,
  patternText,
  SigmaError,
  type Test,
} from "../sigma/index.ts";
import { compileRuleRegex } from "./regex.ts";
import { weightOf } from "./weight.ts";

/** Says what a rule's field is called by those who read it; undefined where no event has it. */
export type NameField = (field: string) => string | undefined;

/** A rule's condition as a predicate. Throws a SigmaError for what cannot be asked. */
export function predicateOf(expression: Expression, name: NameField): Predicate {
  switch (expression.kind) {
    case "item":
      return ofItem(expression.item, name);
    case "not":
      return { kind: "not", part: predicateOf(expression.part, name) };
    case "constant":
      return expression;
    default:
      return { kind: expression.kind, parts: expression.parts.map((part) => predicateOf(part, name)) };
  }
}

function ofItem({ field: given, test, line }: Item, name: NameField): Predicate {
  const field = given === "" ? "" : name(given);
  if (field === undefined) return { kind: "constant", value: false };
  if (test.kind === "field") {
    const other = name(test.field);
    if (other === undefined) return { kind: "constant", value: false };
    return { kind: "pair", field, other, test: pairTest(test) };
  }
  const question = questionOf(test, line);
  return {
    kind: "ask",
    field,
    name: nameOf(test),
    question,
    weight: weightOf(field, question),
  };
}

/** The same for tests that are the same. */
function nameOf(test: Test): string {
  switch (test.kind) {
    case "pattern":
      return `${test.isCased ? "cased" : "text"} ${patternText(test.isCased ? test.pattern : lowerCase(test.pattern))}`;
    case "regex":
      return `regex ${test.flags} ${test.source}`;
    default:
      return JSON.stringify(test);
  }
}

function questionOf(test: Exclude<Test, { kind: "field" }>, line: number): ValueQuestion {
  switch (test.kind) {
    case "pattern":
      return patternQuestion(test.pattern, test.isCased);
    case "regex":
      return regexQuestion(test.source, compileRuleRegex(test.source, test.flags, line));
    case "cidr":
      return networkQuestion(test.network, line);
    case "compare":
      return { test: (value) => compares(numberOf(value), test.comparison, test.number) };
    case "time":
      return { test: (value) => passesTime(value, test) };
    default:
      return { test: () => true };
  }
}

/** An expression takes a hundred times as long as to see that none of the texts is there that it needs. */
function regexQuestion(source: string, test: (text: string) => boolean): ValueQuestion {
  const parts = requiredAny(source);
  const [part] = parts;
  if (part === undefined) return { test, isCostly: true };
  return parts.length === 1 ? { part, test } : { parts, test };
}

function patternQuestion(pattern: Pattern, isCased: boolean): ValueQuestion {
  const lowered = lowerCase(pattern);
  const part = longestPart(lowered);
  if (isCased) {
    const matches = matcherOf(pattern);
    return { part, test: (value) => matches(value) };
  }
  const matches = matcherOf(lowered);
  const test = (_value: string, lower: string): boolean => matches(lower);
  const isPlain = lowered.every((inner) => typeof inner === "string");
  if (isPlain) return { equals: lowered.join(""), test };
  // `*` alone is any value that there is.
  return lowered.length === 1 && lowered[0] === ANY ? { test: () => true } : { part, test };
}

function networkQuestion(text: string, line: number): ValueQuestion {
  const address = canonicalAddress(text);
  if (address !== undefined) return { test: (value) => canonicalAddress(value) === address };
  const reading = readNetwork(text);
  if (reading === undefined)
    throw new SigmaError(
      line,
      `"${text}" is no network; allowed is an address and a length, as 203.0.113.0/24 or 2001:db8::/32`,
    );
  if ("problem" in reading) throw new SigmaError(line, `"${text}" is no network: ${reading.problem}`);
  const { network } = reading;
  return {
    test(value) {
      const canonical = canonicalAddress(value);
      return canonical !== undefined && network.contains(canonical);
    },
  };
}

/** A number as texts have it; undefined where a text is none. */
function numberOf(text: string): number | undefined {
  const number = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}

function compares(value: number | undefined, comparison: Comparison, number: number): boolean {
  if (value === undefined) return false;
  switch (comparison) {
    case "lt":
      return value < number;
    case "lte":
      return value <= number;
    case "gt":
      return value > number;
    default:
      return value >= number;
  }
}

type TimeTest = Extract<Test, { kind: "time" }>;

function passesTime(value: string, { unit, comparison, number }: TimeTest): boolean {
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return false;
  const part = partOf(time, unit);
  return comparison === undefined ? part === number : compares(part, comparison, number);
}

function partOf(time: Date, unit: TimeTest["unit"]): number {
  switch (unit) {
    case "minute":
      return time.getUTCMinutes();
    case "hour":
      return time.getUTCHours();
    case "day":
      return time.getUTCDate();
    case "week":
      return weekOf(time);
    case "month":
      return time.getUTCMonth() + 1;
    default:
      return time.getUTCFullYear();
  }
}

const DAY_MS = 86_400_000;

/** The week of ISO 8601: the one of the year's first Thursday is the first. */
function weekOf(time: Date): number {
  const day = (time.getUTCDay() + 6) % 7;
  const thursday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate() - day + 3));
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - first) / (7 * DAY_MS)) + 1;
}

function pairTest({ place, isCased }: Extract<Test, { kind: "field" }>): (value: string, other: string) => boolean {
  const compare = (value: string, other: string): boolean => {
    switch (place) {
      case "start":
        return value.startsWith(other);
      case "end":
        return value.endsWith(other);
      case "anywhere":
        return value.includes(other);
      default:
        return value === other;
    }
  };
  return isCased ? compare : (value, other) => compare(value.toLowerCase(), other.toLowerCase());
}
