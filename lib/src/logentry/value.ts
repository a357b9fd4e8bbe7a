/** Values of entries. Each has one form only, so that an entry has one, too. */
import type { LoggedRange } from "./entry.ts";

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const MILLIS_MAX = 253_402_300_799_999;

/** How a value is written, and read again; undefined for what is none. */
export interface ValueForm<Value> {
  /** What is allowed, for whoever wrote something else. */
  allowed: string;
  format(value: Value): string;
  parse(text: string): Value | undefined;
}

function matching(pattern: RegExp, allowed: string): ValueForm<string> {
  return { allowed, format: (value) => value, parse: (text) => (pattern.test(text) ? text : undefined) };
}

export const hostIdForm: ValueForm<string> = matching(/^[0-9a-f]{32}$/, "32 hex digits");
export const sha256Form: ValueForm<string> = matching(/^[0-9a-f]{64}$/, "64 hex digits");

export const epochForm: ValueForm<bigint> = {
  allowed: "16 hex digits",
  format: (value) => value.toString(16).padStart(16, "0"),
  parse: (text) => (/^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : undefined),
};

export const numberForm: ValueForm<bigint> = {
  allowed: "a decimal from 0 to 2^64 - 1, without leading zeros",
  format: (value) => value.toString(),
  parse: (text) => {
    if (!/^(?:0|[1-9][0-9]{0,19})$/.test(text)) return undefined;
    const value = BigInt(text);
    return value <= U64_MAX ? value : undefined;
  },
};

export const timeForm: ValueForm<number> = {
  allowed: "a time of the years 1970 to 9999 as 2026-01-31T12:00:00.000Z",
  format: (value) =>
    Number.isInteger(value) && value >= 0 && value <= MILLIS_MAX ? new Date(value).toISOString() : String(value),
  parse: (text) => {
    if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/.test(text)) return undefined;
    const value = Date.parse(text);
    return value >= 0 && new Date(value).toISOString() === text ? value : undefined;
  },
};

export const dayForm: ValueForm<string> = {
  allowed: 'a day as 20260131, or "outside"',
  format: (value) => value,
  parse: (text) => {
    if (text === "outside") return text;
    const [, year, month, day] = /^([0-9]{4})([0-9]{2})([0-9]{2})$/.exec(text) ?? [];
    const begin = `${String(year)}-${String(month)}-${String(day)}T00:00:00.000Z`;
    return timeForm.parse(begin) === undefined ? undefined : text;
  },
};

/** Ranges of an entry. */
export const RANGES_MAX = 64;

export const rangesForm: ValueForm<readonly LoggedRange[]> = {
  allowed: `1 to ${String(RANGES_MAX)} ranges as 1-500,601-700, ascending and apart from each other`,
  format: (ranges) => ranges.map(({ first, last }) => `${first.toString()}-${last.toString()}`).join(","),
  parse: (text) => {
    const ranges: LoggedRange[] = [];
    let before = -2n;
    for (const part of text.split(",", RANGES_MAX + 1)) {
      const [firstText = "", lastText = "", ...more] = part.split("-", 3);
      const [first, last] = [numberForm.parse(firstText), numberForm.parse(lastText)];
      if (first === undefined || last === undefined || more.length > 0) return undefined;
      if (first > last || first <= before + 1n) return undefined;
      ranges.push({ first, last });
      before = last;
    }
    return ranges.length <= RANGES_MAX ? ranges : undefined;
  },
};

const TEXT_LENGTH_MAX = 512;

/** A line that people wrote, or a name. */
export const textForm: ValueForm<string> = {
  allowed: `1 to ${String(TEXT_LENGTH_MAX)} characters without control characters, and without a space at either end`,
  format: (value) => value,
  parse: (text) =>
    text.length > 0 &&
    text.length <= TEXT_LENGTH_MAX &&
    text.trim() === text &&
    !/[\p{Cc}\p{Surrogate}\u2028\u2029\ufeff]/u.test(text)
      ? text
      : undefined,
};
