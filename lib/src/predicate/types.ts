/**
 * What the values of a field are, so that a filter that can never match is refused where it is written, and so that a value is
 * found in whatever form it was asked for.
 */
import { canonicalAddress } from "../audit/index.ts";
import { readNetwork } from "./network.ts";

/** A value as a block has it. */
export type Value = string | number | bigint;

/** What is asked of one value. */
export interface Question {
  /** Decides on a value in the form that its type gives it. */
  test(form: string): boolean;
  /** The only form that passes the test, where there is just one: so a sieve can be asked for it. */
  form?: string;
  /** What every form that passes has in it. */
  part?: string;
}

/** Why no value can be what was asked for. */
interface Refusal {
  problem: string;
}

export interface FieldType {
  /** What a filter may ask for, as errors tell it. */
  allowed: string;
  /** The one form of a value; undefined where it says that there is none. */
  form(value: Value): string | undefined;
  /** The form that says that the kernel knew no value. */
  none?: string;
  /** Understands what a filter asks for; `part` where a part of a value will do. Undefined for what is not allowed. */
  ask(text: string, part: boolean): Question | Refusal | undefined;
}

function isForm(form: string): Question {
  return { form, test: (other) => other === form };
}

function hasPart(part: string): Question {
  return { part, test: (form) => form.includes(part) };
}

/** Any text. */
export const text: FieldType = {
  allowed: "any text",
  form: String,
  ask: (asked, part) => (part ? hasPart(asked) : isForm(asked)),
};

const U32_MAX = 0xffff_ffffn;

/** A whole number. `names` understands what is no number. */
export function whole(
  least: bigint,
  most: bigint,
  names?: { allowed: string; read: (text: string) => bigint | undefined },
): FieldType {
  return {
    allowed: `a whole number from ${least} to ${most}${names === undefined ? "" : `, or ${names.allowed}`}`,
    form: String,
    ask(asked) {
      const value = /^-?\d{1,20}$/.test(asked) ? BigInt(asked) : names?.read(asked);
      return value === undefined || value < least || value > most ? undefined : isForm(String(value));
    },
  };
}

export const u32: FieldType = whole(0n, U32_MAX);
export const u64: FieldType = whole(0n, (1n << 64n) - 1n);
export const port: FieldType = whole(0n, 65_535n);

const UNSET = "unset";

/** A user's or a group's number, which the kernel writes as 4294967295 where there is none. `name` is the field of its name. */
export function id(name: string): FieldType {
  return {
    allowed: `a number from 0 to 4294967294, or ${UNSET}; a name is asked for by ${name}`,
    none: UNSET,
    form: (value) => (String(value) === String(U32_MAX) ? UNSET : String(value)),
    ask(asked) {
      if (asked === UNSET || asked === "-1" || asked === String(U32_MAX)) return isForm(UNSET);
      return /^\d{1,10}$/.test(asked) && BigInt(asked) < U32_MAX ? isForm(String(BigInt(asked))) : undefined;
    },
  };
}

/** One of a few words. */
export function oneOf(words: readonly string[]): FieldType {
  return {
    allowed: words.join(", "),
    form: String,
    ask: (asked, part) => among(words, asked, part),
  };
}

/** One of many words, which errors cannot all name; `more` are words that are not listed. */
export function named(allowed: string, words: () => ReadonlySet<string>, more?: RegExp): FieldType {
  return {
    allowed,
    form: String,
    ask(asked, part) {
      if (more?.test(asked) === true) return part ? hasPart(asked) : isForm(asked);
      const known = words();
      if (!part && known.has(asked)) return isForm(asked);
      const found = part ? among([...known], asked, true) : undefined;
      if (found !== undefined) return found;
      const other = [asked.toUpperCase(), asked.toLowerCase()].find((word) => known.has(word));
      return other === undefined ? undefined : { problem: `it is written ${other}` };
    },
  };
}

function among(words: readonly string[], asked: string, part: boolean): Question | undefined {
  if (!part) return words.includes(asked) ? isForm(asked) : undefined;
  return asked !== "" && words.some((word) => word.includes(asked)) ? hasPart(asked) : undefined;
}

/** Hex digits, as many as there are. */
export function hex(digits: number, what: string): FieldType {
  return {
    allowed: `${what}, ${digits} hex digits; a part of them is asked for by :`,
    form: (value) => String(value).toLowerCase(),
    ask(asked, part) {
      if (!/^[0-9A-Fa-f]+$/.test(asked) || (part ? asked.length > digits : asked.length !== digits)) return undefined;
      return part ? hasPart(asked.toLowerCase()) : isForm(asked.toLowerCase());
    },
  };
}

/** Permission bits, written as four octal digits. */
export const octalMode: FieldType = {
  allowed: "permission bits in octal digits, 0000 to 7777",
  form: String,
  ask: (asked) => (/^0?[0-7]{1,4}$/.test(asked) ? isForm(asked.slice(-4).padStart(4, "0")) : undefined),
};

/** A device's numbers as the kernel writes them. */
export const device: FieldType = {
  allowed: "major:minor in hex digits, as in fd:00",
  form: (value) => String(value).toLowerCase(),
  ask(asked, part) {
    const pattern = part ? /^[0-9A-Fa-f:]{1,17}$/ : /^[0-9A-Fa-f]{1,8}:[0-9A-Fa-f]{1,8}$/;
    if (!pattern.test(asked)) return undefined;
    return part ? hasPart(asked.toLowerCase()) : isForm(asked.toLowerCase());
  },
};

/** A label, as `key=value`; a key alone asks for any value of it. */
export const label: FieldType = {
  allowed: '"key=value" in quotes, or a key for any value of it',
  form: String,
  ask(asked) {
    if (asked === "" || asked.startsWith("=")) return undefined;
    return asked.includes("=") ? isForm(asked) : { part: `${asked}=`, test: (form) => form.startsWith(`${asked}=`) };
  },
};

/** An IP address, or a network for all of its addresses. */
export const ip: FieldType = {
  allowed: "an IPv4 or IPv6 address, or a network as in 203.0.113.0/24",
  form: (value) => canonicalAddress(String(value)),
  ask: (asked, part) => askAddress(asked) ?? (part ? partOfAddress(asked) : undefined),
};

/** What names the other side: an IP address, a name, a socket's path. */
export const address: FieldType = {
  allowed: "an address, a network, or a name",
  form: (value) => canonicalAddress(String(value)) ?? String(value),
  ask: (asked, part) => askAddress(asked) ?? text.ask(asked, part),
};

function askAddress(asked: string): Question | Refusal | undefined {
  const canonical = canonicalAddress(asked);
  if (canonical !== undefined) return isForm(canonical);
  const reading = readNetwork(asked);
  if (reading === undefined || "problem" in reading) return reading;
  const { network } = reading;
  return { test: (form) => canonicalAddress(form) === form && network.contains(form) };
}

function partOfAddress(asked: string): Question | undefined {
  return /^[0-9A-Fa-f.:]+$/.test(asked) ? hasPart(asked.toLowerCase()) : undefined;
}
