/** Functions of filters: `name(field, value)`. */
import { nearest } from "../spelling/index.ts";
import { FilterError, shown } from "./error.ts";
import { requiredAny } from "./literals.ts";
import { isLike, type Question, type Refusal } from "./question.ts";
import { compileRegex, RegexError } from "./regex.ts";
import { type Call, nameOf, textOf } from "./tree.ts";
import { address, askAddress, type FieldType, ip } from "./types.ts";

type Make = (type: FieldType, call: Call) => Question | Refusal | undefined;

const FUNCTIONS: ReadonlyMap<string, { about: "addresses" | "texts"; make: Make }> = new Map<
  string,
  { about: "addresses" | "texts"; make: Make }
>([
  ["cidr", { about: "addresses", make: (_type, { value }) => askAddress(textOf(value)) }],
  ["startsWith", { about: "texts", make: (type, { value }) => like(type, [textOf(value), ""]) }],
  ["endsWith", { about: "texts", make: (type, { value }) => like(type, ["", textOf(value)]) }],
  ["matches", { about: "texts", make: (_type, { value }) => matching(value.raw) }],
  ["equalsIgnoreCase", { about: "texts", make: (_type, { value }) => equalIgnoringCase(textOf(value)) }],
  ["containsIgnoreCase", { about: "texts", make: (_type, { value }) => containedIgnoringCase(textOf(value)) }],
]);

export const FUNCTION_NAMES: readonly string[] = [...FUNCTIONS.keys()];

/** What a function asks of a value; throws a FilterError where it asks nothing that can be. */
export function questionOfCall(call: Call, type: FieldType): Question {
  const { name, column, pathColumn, value } = call;
  const known = functionOf(name, column);
  const field = nameOf(call.path);
  if (known.about === "addresses" && type.form !== ip.form && type.form !== address.form)
    throw new FilterError(pathColumn, `${field} has no addresses; ${name} is about fields as destination.ip`);
  if (known.about === "texts" && !type.isText)
    throw new FilterError(pathColumn, `${field} has no texts; ${name} is about these, and allowed is ${type.allowed}`);
  if (textOf(value) === "")
    throw new FilterError(value.column, `${name} of an empty text; any value of the field is ${field}:*`);
  const question = known.make(type, call);
  if (question !== undefined && !("problem" in question)) return question;
  const why = question === undefined ? `allowed is ${allowedOf(known.about, type)}` : question.problem;
  throw new FilterError(value.column, `${name}(${field}, ${shown(textOf(value))}) never holds: ${why}`);
}

function allowedOf(about: "addresses" | "texts", { allowed }: FieldType): string {
  return about === "addresses" ? "a network, as 203.0.113.0/24 or 2001:db8::/32, or an address" : allowed;
}

/** Throws where there is no function of this name. */
export function functionOf(name: string, column: number): { about: "addresses" | "texts"; make: Make } {
  const known = FUNCTIONS.get(name);
  if (known !== undefined) return known;
  throw new FilterError(
    column,
    `unknown function ${shown(name)}${nearest(name, FUNCTION_NAMES)}; known are ${FUNCTION_NAMES.join(", ")}`,
  );
}

function like(type: FieldType, parts: readonly string[]): Question | Refusal | undefined {
  return type.like === undefined ? isLike(parts.map(lowerOf), true) : type.like(parts, false);
}

/** Addresses are written in lower case. */
function lowerOf(text: string): string {
  return text.toLowerCase();
}

function matching(source: string): Question | Refusal {
  try {
    const test = compileRegex(source, "");
    const lowerParts = requiredAny(source);
    if (lowerParts.length === 0) return { test, isCostly: true };
    return {
      lowerParts,
      isCostly: true,
      // An expression takes a hundred times as long as to see that none of these is there.
      test(form) {
        const lower = form.toLowerCase();
        return lowerParts.some((part) => lower.includes(part)) && test(form);
      },
    };
  } catch (error) {
    if (error instanceof RegexError) return { problem: error.message };
    throw error;
  }
}

function equalIgnoringCase(text: string): Question {
  const lower = text.toLowerCase();
  return { lowerParts: [lower], test: (form) => form.toLowerCase() === lower };
}

function containedIgnoringCase(text: string): Question {
  const lower = text.toLowerCase();
  return { lowerParts: [lower], test: (form) => form.toLowerCase().includes(lower) };
}
