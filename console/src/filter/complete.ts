/** What a filter may go on with, where the caret is: fields, comparators, values, words between conditions. */
import { FILTER_FIELDS, FILTER_FUNCTIONS, type FilterField } from "./fields.ts";

type Expecting =
  | { kind: "field"; typed: string }
  | { kind: "comparator"; field: string; typed: string }
  /** The field's values, of which `typed` is the beginning. */
  | { kind: "value"; field: FilterField; typed: string }
  | { kind: "connector"; typed: string };

export interface Place {
  expecting: Expecting;
  /** What a completion takes the place of: from (inclusive) to (exclusive). UTF-16 units. */
  from: number;
  to: number;
}

export interface Completion {
  /** What is put into the filter. */
  text: string;
  /** What it is, in few words. */
  about: string;
  /** How many events have it, where that was counted. */
  count?: string;
}

interface Token {
  text: string;
  from: number;
  to: number;
}

const BY_NAME: ReadonlyMap<string, FilterField> = new Map(FILTER_FIELDS.map((field) => [field.name, field]));
const COMPARATORS = ["=", "!=", ":", "<", "<=", ">", ">="];
const TOKEN = /"(?:[^"\\]|\\.)*"?|<=|>=|!=|[=:<>(),]|[^\s"=:<>!(),]+|!/g;

/** Words, quoted texts and signs, with where they stand. */
function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(TOKEN), ({ 0: token, index }) => ({
    text: token,
    from: index,
    to: index + token.length,
  }));
}

/** What is expected at the caret. */
export function placeAt(filter: string, caret: number): Place {
  const tokens = tokensOf(filter.slice(0, caret));
  const last = tokens.at(-1);
  // What is being typed touches the caret; a sign is whole at once.
  const isTyping =
    last !== undefined && last.to === caret && !/^[(),]$/.test(last.text) && !COMPARATORS.includes(last.text);
  const typed = isTyping ? last.text : "";
  const before = isTyping ? tokens.slice(0, -1) : tokens;
  const [from, to] = isTyping ? [last.from, last.from + wordLength(filter, last)] : [caret, caret];
  return { expecting: expectingAfter(before, typed), from, to };
}

/** The word under the caret goes on behind it. */
function wordLength(filter: string, { from }: Token): number {
  return tokensOf(filter.slice(from))[0]?.text.length ?? 0;
}

function expectingAfter(before: readonly Token[], typed: string): Expecting {
  const [last, second, third] = [before.at(-1)?.text, before.at(-2)?.text, before.at(-3)?.text];
  const listed = last === "OR" || last === "AND" || last === "NOT" ? listedField(before) : undefined;
  if (listed !== undefined) return valueOf(listed, typed);
  if (last === undefined || /^(?:AND|OR|NOT|!|-)$/.test(last)) return { kind: "field", typed };
  if (COMPARATORS.includes(last)) return valueOf(second, typed);
  // `field = (a OR b`
  if (last === "(" && second !== undefined && COMPARATORS.includes(second)) return valueOf(third, typed);
  // `function(field, value)`
  if (last === "(" || last === ",") return last === "," ? valueOf(second, typed) : { kind: "field", typed };
  if (BY_NAME.has(last)) return { kind: "comparator", field: last, typed };
  return { kind: "connector", typed };
}

/** The field of which values are listed in the parentheses that are open: of `field = (a OR`. */
function listedField(before: readonly Token[]): string | undefined {
  let closed = 0;
  for (let at = before.length - 1; at >= 2; at--) {
    const text = before[at]?.text;
    if (text === ")") closed++;
    else if (text === "(" && closed-- === 0)
      return COMPARATORS.includes(before[at - 1]?.text ?? "") ? before[at - 2]?.text : undefined;
  }
  return undefined;
}

function valueOf(name: string | undefined, typed: string): Expecting {
  const field = BY_NAME.get(name ?? "");
  return field === undefined ? { kind: "connector", typed } : { kind: "value", field, typed };
}

/** Shown at once. */
const COMPLETIONS_MAX = 12;

/** What can be said without asking the collector; `values` are those that were counted for the field that is asked about. */
export function completionsFor({ expecting }: Place, values: readonly Completion[] = []): Completion[] {
  switch (expecting.kind) {
    case "field":
      return fieldsFor(expecting.typed);
    case "comparator":
      return comparatorsFor(expecting.field).filter(({ text }) => text.startsWith(expecting.typed));
    case "value":
      return valuesFor(expecting.field, expecting.typed, values);
    default:
      return ["AND", "OR", "NOT"]
        .filter((word) => word.startsWith(expecting.typed.toUpperCase()))
        .map((text) => ({ text, about: text === "OR" ? "binds closer than AND" : "" }));
  }
}

/** First those that begin with what was typed, then those with a part that does, then those that have it anywhere. */
function fieldsFor(typed: string): Completion[] {
  const wanted = typed.toLowerCase();
  const rankOf = (name: string): number => {
    if (name.startsWith(wanted)) return 0;
    if (name.split(/[._]/).some((part) => part.startsWith(wanted))) return 1;
    return name.includes(wanted) ? 2 : 3;
  };
  const fields = FILTER_FIELDS.map(({ name, allowed }) => ({ text: name, about: allowed }));
  const functions = FILTER_FUNCTIONS.map((name) => ({ text: `${name}(`, about: "function of a field and a value" }));
  return [...fields, ...functions]
    .map((completion) => ({ completion, rank: rankOf(completion.text.toLowerCase()) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, COMPLETIONS_MAX)
    .map(({ completion }) => completion);
}

function comparatorsFor(name: string): Completion[] {
  const field = BY_NAME.get(name);
  return COMPARATORS.filter((text) => text !== ":" || field?.isText === true || field?.isList === true).map((text) => ({
    text,
    about: { "=": "is", "!=": "is not", ":": "has, as a part or an item" }[text] ?? "",
  }));
}

function valuesFor({ words }: FilterField, typed: string, counted: readonly Completion[]): Completion[] {
  const wanted = typed.replaceAll('"', "").toLowerCase();
  const known = new Set(counted.map(({ text }) => text));
  const others = words.filter((text) => !known.has(text)).map((text) => ({ text, about: "" }));
  return [...counted, ...others]
    .filter(({ text }) => text.replaceAll('"', "").toLowerCase().includes(wanted))
    .slice(0, COMPLETIONS_MAX);
}

/** The filter with a completion in its place, and where the caret is then. */
export function completed(
  filter: string,
  { from, to, expecting }: Place,
  { text }: Completion,
): [filter: string, caret: number] {
  const isOpen = text.endsWith("(");
  const rest = filter.slice(to);
  const gap = isOpen || /^[\s),]/.test(rest) ? "" : " ";
  // A comparator that touches its field stands apart from it all the same.
  const lead = expecting.kind !== "field" && from > 0 && /[^\s(]/.test(filter[from - 1] ?? " ") ? " " : "";
  const head = `${filter.slice(0, from)}${lead}${text}${gap}`;
  return [`${head}${rest}`, head.length];
}
