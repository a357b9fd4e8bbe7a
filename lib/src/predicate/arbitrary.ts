/** Random filters about events that are there, so that many of them match some. */
import type { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { type Comparator, type Model, REFERENCE_FIELDS, timeOf } from "./reference.ts";

const EVERY: readonly Comparator[] = ["=", "!=", ":", "<", "<=", ">", ">="];
const EQUAL: readonly Comparator[] = ["=", "!=", ":"];
/** Values of a field that filters ask for. */
const POOL_MAX = 40;
/** Of longer values only the beginning is asked for: filters are not that long. */
const LENGTH_MAX = 80;
const FUNCTIONS = ["startsWith", "endsWith", "matches", "equalsIgnoreCase", "containsIgnoreCase"] as const;

/** Filters about these events. */
export function anyFilter(events: readonly Event[]): fc.Arbitrary<Model> {
  const leaf = fc.oneof(
    { weight: 8, arbitrary: fc.oneof(...Array.from(REFERENCE_FIELDS.keys(), (name) => comparison(name, events))) },
    { weight: 2, arbitrary: fc.oneof(...textFields().map((name) => call(name, events))) },
    { weight: 1, arbitrary: word(events) },
  );
  return fc.letrec<{ filter: Model }>((tie) => ({
    filter: fc.oneof(
      { depthSize: "small", maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.record<Model & { kind: "and" | "or" | "sequence" }>({
        kind: fc.constantFrom("and", "or", "sequence"),
        parts: fc.array(tie("filter"), { minLength: 2, maxLength: 4 }),
      }),
      fc.record<Model & { kind: "not" }>({ kind: fc.constant("not"), part: tie("filter"), isDash: fc.boolean() }),
    ),
  })).filter;
}

function textFields(): string[] {
  return Array.from(REFERENCE_FIELDS).flatMap(([name, { kind }]) => (kind === "text" || kind === "item" ? [name] : []));
}

/** Values of the field, as far as there are some, each once. */
function poolOf(name: string, events: readonly Event[]): (string | bigint)[] {
  const pool = new Set<string | bigint>();
  for (const event of events) {
    for (const value of REFERENCE_FIELDS.get(name)?.values(event) ?? [])
      pool.add(typeof value === "string" ? value.slice(0, LENGTH_MAX) : value);
    if (pool.size >= POOL_MAX) break;
  }
  return [...pool];
}

function comparison(name: string, events: readonly Event[]): fc.Arbitrary<Model> {
  const kind = REFERENCE_FIELDS.get(name)?.kind;
  const pool = poolOf(name, events);
  const make = (comparator: Comparator, value: readonly string[], isQuoted = true): Model => ({
    kind: "compare",
    field: name,
    comparator,
    value,
    isQuoted,
  });
  const anything = fc.constantFrom<Comparator>(":", "=").map((comparator) => make(comparator, ["", ""], false));
  if (kind === "text" || kind === "item" || kind === "address") {
    const order = kind === "address" || name.startsWith("audit.SYSCALL") || /^audit\.[A-Z]/.test(name) ? EQUAL : EVERY;
    const whole = fc
      .tuple(fc.constantFrom(...order), partOf(pool))
      .map(([comparator, value]) => make(comparator, [value]));
    const like = fc
      .tuple(fc.constantFrom(...EQUAL), fc.array(partOf(pool), { minLength: 2, maxLength: 3 }))
      .map(([comparator, value]) => make(comparator, value));
    return fc.oneof({ weight: 4, arbitrary: whole }, { weight: 2, arbitrary: like }, anything);
  }
  const values = pool.length === 0 ? [0n] : pool;
  const shown = (value: string | bigint): string =>
    kind === "time" ? timeOf(BigInt(value)) : kind === "id" && value === 0xffff_ffffn ? "unset" : String(value);
  const exact = fc
    .tuple(fc.constantFrom(...(kind === "word" ? EQUAL : EVERY)), fc.constantFrom(...values))
    .map(([comparator, value]) => make(comparator, [shown(value)]));
  return fc.oneof({ weight: 4, arbitrary: exact }, anything);
}

/** A value, a part of one, or something else. */
function partOf(pool: readonly (string | bigint)[]): fc.Arbitrary<string> {
  const other = fc.constantFrom("", "a", "/", "-", "*", "\\", '"', " ", "ls", "/usr/bin/sudo", "Root");
  if (pool.length === 0) return other;
  const cut = fc.tuple(fc.constantFrom(...pool), fc.nat(40), fc.nat(12)).map(([value, from, length]) =>
    String(value)
      .slice(from % (String(value).length + 1))
      .slice(0, length),
  );
  return fc.oneof(fc.constantFrom(...pool).map(String), cut, other);
}

function call(name: string, events: readonly Event[]): fc.Arbitrary<Model> {
  const isLower = (text: string): boolean => text.toUpperCase().toLowerCase() === text.toLowerCase();
  return fc
    .record({ name: fc.constantFrom(...FUNCTIONS), value: partOf(poolOf(name, events)), isMethod: fc.boolean() })
    .filter(({ value }) => value !== "" && isLower(value))
    .map(
      ({ name: fn, value, isMethod }): Model => ({
        kind: "call",
        name: fn,
        field: name,
        value:
          fn === "matches"
            ? value.replaceAll(/[^A-Za-z0-9_ ]/gu, (sign) =>
                sign.charCodeAt(0) < 0x80 ? `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}` : ".",
              )
            : value,
        isMethod,
      }),
    );
}

function word(events: readonly Event[]): fc.Arbitrary<Model> {
  const pool = ["process.name", "process.args", "file.path", "user.name", "destination.address", "audit.cmd"].flatMap(
    (name) => poolOf(name, events),
  );
  return partOf(pool)
    .filter((value) => value !== "")
    .map((value): Model => ({ kind: "word", word: value }));
}
