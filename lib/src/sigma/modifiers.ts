/** Value modifiers: what stands behind a field's name, as in `CommandLine|contains|all`. */
import {
  dashVariants,
  DASHES_MAX,
  base64,
  base64Offsets,
  textOfBytes,
  utf16Bytes,
  utf16WithMark,
  utf8Bytes,
} from "./encode.ts";
import {
  and,
  type Comparison,
  COMPARISONS,
  type Expression,
  type FieldPlace,
  item,
  not,
  or,
  type Test,
  TIME_UNITS,
  type TimeUnit,
} from "./expression.ts";
import {
  containing,
  endingWith,
  joinPatterns,
  parsePattern,
  type Pattern,
  type PatternPart,
  plainText,
  startingWith,
} from "./pattern.ts";
import { nearest } from "../spelling/index.ts";
import { SigmaError } from "./problem.ts";
import { kindOf, type Node, type ScalarNode, type ScalarValue } from "./source.ts";

/** All modifiers of specification 2.1. */
export const MODIFIERS: readonly string[] = [
  ..."all startswith endswith contains exists cased neq windash".split(" "),
  ..."re i ignorecase m multiline s dotall".split(" "),
  ..."base64 base64offset utf16le utf16be utf16 wide".split(" "),
  ...COMPARISONS,
  ...TIME_UNITS,
  ..."cidr expand fieldref".split(" "),
];

const KNOWN: ReadonlySet<string> = new Set(MODIFIERS);

/** Modifiers that say how a list is joined, or what of all is asked for, and change no value. */
const JOINING: ReadonlySet<string> = new Set(["all", "neq"]);

/** What stands for `%name%`, by its name without the signs. */
export type Placeholders = ReadonlyMap<string, readonly string[]>;

export interface ValueContext {
  placeholders: Placeholders;
  warn: (line: number, message: string) => void;
}

/** Texts that one value may become, at most. */
const VARIANTS_MAX = 1000;

/** A value on its way through the modifiers. */
type Value =
  | { kind: "text"; pattern: Pattern; isCased: boolean }
  /** Of texts in another encoding only their bytes are left. */
  | { kind: "bytes"; bytes: Uint8Array; isCased: boolean }
  | { kind: "number"; number: bigint | number }
  | { kind: "test"; test: Test }
  | { kind: "absent" };

/** What a field with its modifiers and values asks. */
export function compileItem(key: string, node: Node, context: ValueContext, line: number): Expression {
  const [field = "", ...modifiers] = key.split("|");
  for (const modifier of modifiers) {
    if (!KNOWN.has(modifier))
      throw new SigmaError(
        line,
        `unknown modifier "${modifier}" of ${field === "" ? "keywords" : field}${nearest(modifier, KNOWN)}; known are ${MODIFIERS.join(", ")}`,
      );
  }
  const scalars = scalarsOf(node, field);
  const isAll = modifiers.includes("all");
  if (isAll && scalars.length === 1 && node.kind === "scalar")
    context.warn(line, `all has no meaning for the one value of ${field === "" ? "keywords" : field}`);
  const changing = modifiers.filter((modifier) => !JOINING.has(modifier));
  const asked = scalars.map((scalar) => valueTest(field, scalar, changing, context));
  const joined = isAll ? and(asked) : or(asked);
  return modifiers.includes("neq") ? not(joined) : joined;
}

function scalarsOf(node: Node, field: string): ScalarNode[] {
  const name = field === "" ? "keywords" : field;
  if (node.kind === "scalar") return [node];
  if (node.kind === "map") throw new SigmaError(node.line, `${name} has a map; allowed is a value or a list of values`);
  if (node.items.length === 0) throw new SigmaError(node.line, `${name} has an empty list`);
  return node.items.map((inner) => {
    if (inner.kind === "scalar") return inner;
    throw new SigmaError(inner.line, `${name} has ${kindOf(inner)} in its list; allowed are values`);
  });
}

function valueTest(field: string, scalar: ScalarNode, modifiers: readonly string[], context: ValueContext): Expression {
  const { line } = scalar;
  const values = new Chain(field, scalar, context).apply(modifiers);
  return or(
    values.map((value) => {
      if (value.kind === "absent") return not(item(field, { kind: "exists" }, line));
      const test = testOf(value);
      // A keyword stands anywhere in a text.
      const isKeyword = field === "" && test.kind === "pattern";
      return item(field, isKeyword ? { ...test, pattern: containing(test.pattern) } : test, line);
    }),
  );
}

function testOf(value: Exclude<Value, { kind: "absent" }>): Test {
  switch (value.kind) {
    case "text":
      return { kind: "pattern", pattern: value.pattern, isCased: value.isCased };
    case "bytes":
      return { kind: "pattern", pattern: plainPattern(textOfBytes(value.bytes)), isCased: value.isCased };
    case "number":
      return { kind: "pattern", pattern: plainPattern(String(value.number)), isCased: false };
    default:
      return value.test;
  }
}

function plainPattern(text: string): Pattern {
  return text === "" ? [] : [text];
}

/** The modifiers' way with one value. */
class Chain {
  readonly #field: string;
  readonly #line: number;
  readonly #raw: ScalarValue;
  readonly #context: ValueContext;
  #values: Value[];

  constructor(field: string, { value, line }: ScalarNode, context: ValueContext) {
    this.#field = field;
    this.#line = line;
    this.#raw = value;
    this.#context = context;
    this.#values = [initial(value)];
  }

  #fail(message: string): never {
    throw new SigmaError(this.#line, `${this.#field === "" ? "keywords" : this.#field}: ${message}`);
  }

  apply(modifiers: readonly string[]): Value[] {
    for (let at = 0; at < modifiers.length; at++) {
      this.#step(modifiers[at] as string, modifiers);
      if (this.#values.length > VARIANTS_MAX) this.#fail(`more than ${VARIANTS_MAX} variants of one value`);
    }
    return this.#values;
  }

  #step(modifier: string, all: readonly string[]): void {
    switch (modifier) {
      case "contains":
        return this.#place(containing, "anywhere", modifier);
      case "startswith":
        return this.#place(startingWith, "start", modifier);
      case "endswith":
        return this.#place(endingWith, "end", modifier);
      case "cased":
        return this.#cased();
      case "exists":
        return this.#exists();
      case "windash":
        return this.#windash();
      case "re":
        return this.#regex();
      case "i":
      case "ignorecase":
        return this.#flag("i", modifier);
      case "m":
      case "multiline":
        return this.#flag("m", modifier);
      case "s":
      case "dotall":
        return this.#flag("s", modifier);
      case "utf16le":
      case "wide":
        return this.#bytes((text) => utf16Bytes(text, "le"), modifier);
      case "utf16be":
        return this.#bytes((text) => utf16Bytes(text, "be"), modifier);
      case "utf16":
        return this.#bytes(utf16WithMark, modifier);
      case "base64":
        return this.#base64((bytes) => [base64(bytes)], modifier);
      case "base64offset":
        return this.#base64(base64Offsets, modifier);
      case "cidr":
        return this.#cidr();
      case "expand":
        return this.#expand();
      case "fieldref":
        return this.#fieldref();
      default:
        if (isTimeUnit(modifier)) return this.#time(modifier, all);
        return this.#compare(modifier as Comparison, all);
    }
  }

  #place(wrap: (pattern: Pattern) => Pattern, place: FieldPlace, modifier: string): void {
    this.#map((value) => {
      if (value.kind === "test" && value.test.kind === "field") return { ...value, test: { ...value.test, place } };
      if (value.kind === "test" && value.test.kind === "regex")
        return { ...value, test: { ...value.test, source: anchored(value.test.source, place) } };
      const text = this.#text(value, modifier);
      return { ...text, pattern: wrap(text.pattern) };
    });
  }

  /** As a text, also a number and bytes. */
  #text(value: Value, modifier: string): Extract<Value, { kind: "text" }> {
    if (value.kind === "text") return value;
    if (value.kind === "bytes")
      return { kind: "text", pattern: plainPattern(textOfBytes(value.bytes)), isCased: value.isCased };
    if (value.kind === "number") return { kind: "text", pattern: plainPattern(String(value.number)), isCased: false };
    return this.#fail(`${modifier} needs a text`);
  }

  #map(change: (value: Value) => Value): void {
    this.#values = this.#values.map(change);
  }

  #cased(): void {
    this.#map((value) => {
      if (value.kind === "test" && value.test.kind === "field")
        return { ...value, test: { ...value.test, isCased: true } };
      // A regular expression is with case in any event.
      if (value.kind === "test" && value.test.kind === "regex") return value;
      if (value.kind === "bytes") return { ...value, isCased: true };
      return { ...this.#text(value, "cased"), isCased: true };
    });
  }

  #exists(): void {
    if (typeof this.#raw !== "boolean") this.#fail("exists is true or false");
    this.#values = [this.#raw ? { kind: "test", test: { kind: "exists" } } : { kind: "absent" }];
  }

  #windash(): void {
    this.#values = this.#values.flatMap((value) => {
      const { pattern, isCased } = this.#text(value, "windash");
      let variants: Pattern[] = [[]];
      for (const part of pattern) {
        const parts: readonly PatternPart[] | undefined = typeof part === "string" ? dashVariants(part) : [part];
        if (parts === undefined) return this.#fail(`windash with more than ${DASHES_MAX} dashes`);
        variants = variants.flatMap((before) => parts.map((next) => joinPatterns(before, [next])));
      }
      return variants.map((variant): Value => ({ kind: "text", pattern: variant, isCased }));
    });
  }

  #regex(): void {
    if (typeof this.#raw !== "string") this.#fail("a regular expression is a text");
    if (this.#values.some(({ kind }) => kind !== "text")) this.#fail("re comes before other modifiers");
    this.#values = [{ kind: "test", test: { kind: "regex", source: this.#raw, flags: "" } }];
  }

  #flag(flag: string, modifier: string): void {
    this.#map((value) => {
      if (value.kind !== "test" || value.test.kind !== "regex") return this.#fail(`${modifier} stands behind re`);
      return { kind: "test", test: { ...value.test, flags: value.test.flags + flag } };
    });
  }

  /** The plain text of a value, since wildcards cannot be encoded. */
  #plain(value: Value, modifier: string): string {
    const text = plainText(this.#text(value, modifier).pattern);
    return (
      text ?? this.#fail(`${modifier} of a value with wildcards; they are written \\* and \\? where they are plain`)
    );
  }

  #bytes(encode: (text: string) => Uint8Array, modifier: string): void {
    this.#map((value) => ({ kind: "bytes", bytes: encode(this.#plain(value, modifier)), isCased: isCased(value) }));
  }

  #base64(encode: (bytes: Uint8Array) => string[], modifier: string): void {
    this.#values = this.#values.flatMap((value) => {
      const bytes = value.kind === "bytes" ? value.bytes : utf8Bytes(this.#plain(value, modifier));
      return encode(bytes).map(
        (digits): Value => ({ kind: "text", pattern: plainPattern(digits), isCased: isCased(value) }),
      );
    });
  }

  #cidr(): void {
    if (typeof this.#raw !== "string") this.#fail("a network is a text, as 203.0.113.0/24");
    this.#values = [{ kind: "test", test: { kind: "cidr", network: this.#raw } }];
  }

  #compare(comparison: Comparison, all: readonly string[]): void {
    // Of a part of a date the comparison was taken already.
    if (all.some(isTimeUnit)) return;
    const number = this.#number(comparison);
    this.#values = [{ kind: "test", test: { kind: "compare", comparison, number } }];
  }

  #time(unit: TimeUnit, all: readonly string[]): void {
    const comparison = COMPARISONS.find((name) => all.includes(name));
    this.#values = [{ kind: "test", test: { kind: "time", unit, comparison, number: this.#number(unit) } }];
  }

  #number(modifier: string): number {
    const raw = this.#raw;
    const number =
      typeof raw === "string" && raw.trim() !== "" ? Number(raw) : typeof raw === "bigint" ? Number(raw) : raw;
    if (typeof number !== "number" || !Number.isFinite(number)) return this.#fail(`${modifier} needs a number`);
    return number;
  }

  #expand(): void {
    if (typeof this.#raw !== "string") this.#fail("expand needs a text");
    this.#values = this.#expanded(this.#raw).map((pattern): Value => ({ kind: "text", pattern, isCased: false }));
  }

  /** The text with each `%name%` as every value that stands for it. */
  #expanded(text: string): Pattern[] {
    let variants: Pattern[] = [[]];
    for (const { plain, name } of placeholdersIn(text)) {
      const parts = name === undefined ? [plain] : this.#context.placeholders.get(name);
      if (parts === undefined) {
        const known = [...this.#context.placeholders.keys()];
        return this.#fail(
          `nothing is known for the placeholder %${name}%${nearest(name ?? "", known)}; known are ${known.length === 0 ? "none" : known.join(", ")}`,
        );
      }
      if (variants.length * parts.length > VARIANTS_MAX)
        return this.#fail(`more than ${VARIANTS_MAX} variants of one value`);
      variants = variants.flatMap((before) => parts.map((part) => joinPatterns(before, parsePattern(part))));
    }
    return variants;
  }

  #fieldref(): void {
    if (typeof this.#raw !== "string" || this.#raw === "") this.#fail("fieldref needs the name of a field");
    if (this.#field === "") this.#fail("fieldref needs a field to compare with");
    this.#values = [{ kind: "test", test: { kind: "field", field: this.#raw, place: "whole", isCased: false } }];
  }
}

function initial(value: ScalarValue): Value {
  if (value === null) return { kind: "absent" };
  if (typeof value === "string") return { kind: "text", pattern: parsePattern(value), isCased: false };
  if (typeof value === "boolean") return { kind: "text", pattern: [String(value)], isCased: false };
  return { kind: "number", number: value };
}

function isCased(value: Value): boolean {
  return (value.kind === "text" || value.kind === "bytes") && value.isCased;
}

function isTimeUnit(modifier: string): modifier is TimeUnit {
  return (TIME_UNITS as readonly string[]).includes(modifier);
}

/** A regular expression is found anywhere already. */
function anchored(source: string, place: FieldPlace): string {
  if (place === "start") return `^(?:${source})`;
  return place === "end" ? `(?:${source})$` : source;
}

/** The plain parts and the placeholders of a text; `\%` is a plain sign. */
function placeholdersIn(text: string): { plain: string; name?: string }[] {
  const parts: { plain: string; name?: string }[] = [];
  let plain = "";
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith("\\%", at)) {
      plain += "%";
      at++;
      continue;
    }
    const name = /^%([^%\\\s]+)%/.exec(text.slice(at, at + 128))?.[1];
    if (name === undefined) {
      plain += text[at];
      continue;
    }
    parts.push({ plain }, { plain: "", name });
    plain = "";
    at += name.length + 1;
  }
  parts.push({ plain });
  return parts;
}
