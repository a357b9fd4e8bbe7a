/**
 * What the values of a field are, so that a filter that can never match is refused where it is written, and so that a value is
 * found in whatever form it was asked for.
 */
import { canonicalAddress } from "../audit/index.ts";
import { readNetwork } from "./network.ts";
import { type OrderComparator, orderOf, readNumber, textOrder } from "./order.ts";
import { hasPart, isForm, isLike, type Question, type Refusal } from "./question.ts";
import { readDuration, readTime, timeText } from "./time.ts";

/** A value as a block has it. */
export type Value = string | number | bigint;

export interface FieldType {
  /** What a filter may ask for, as errors tell it. */
  allowed: string;
  /** The one form of a value; undefined where it says that there is none. */
  form(value: Value): string | undefined;
  /** The form that says that the kernel knew no value. */
  none?: string;
  /** True where its values are texts, so that their parts, beginnings and ends can be asked for. */
  isText: boolean;
  /** Understands what a filter asks for; `part` where a part of a value will do. Undefined for what is not allowed. */
  ask(text: string, part: boolean): Question | Refusal | undefined;
  /** The same for text between stars. Missing where no value has such parts. */
  like?(parts: readonly string[], part: boolean): Question | Refusal | undefined;
  /** The same for what comes before or after. Missing where values have no order. */
  order?(comparator: OrderComparator, text: string): Question | Refusal | undefined;
  /** What to ask in place of an order. */
  inPlaceOfOrder?: string;
}

/** Any text. */
export const text: FieldType = {
  allowed: "any text",
  isText: true,
  form: String,
  ask: (asked, part) => (part ? hasPart(asked) : isForm(asked)),
  like: (parts, part) => isLike(parts, !part),
  order: textOrder,
};

/** The same for texts whose order says nothing. */
const unordered: Pick<FieldType, "isText" | "like"> = { isText: true, like: (parts, part) => isLike(parts, !part) };

const U32_MAX = 0xffff_ffffn;

function isNumber(number: bigint): Question {
  return { ...isForm(String(number)), testNumber: equalTo(number) };
}

function equalTo(number: bigint): (value: number | bigint) => boolean {
  // Values of other than whole 53 bits come as bigints.
  const small = Number(number);
  return (value) => (typeof value === "number" ? value === small : value === number);
}

/** A whole number. `names` understands what is no number. */
export function whole(
  least: bigint,
  most: bigint,
  names?: { allowed: string; read: (text: string) => bigint | undefined },
): FieldType {
  const read = (asked: string): bigint | number | undefined => readNumber(asked) ?? names?.read(asked);
  return {
    allowed: `a whole number from ${least} to ${most}${names === undefined ? "" : `, or ${names.allowed}`}`,
    isText: false,
    form: String,
    ask(asked) {
      const value = read(asked);
      return typeof value !== "bigint" || value < least || value > most ? undefined : isNumber(value);
    },
    order(comparator, asked) {
      const value = read(asked);
      return value === undefined ? undefined : orderOf(comparator, value, least, most);
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
    isText: false,
    form: (value) => (String(value) === String(U32_MAX) ? UNSET : String(value)),
    ask(asked) {
      if (asked === UNSET || asked === "-1" || asked === String(U32_MAX)) {
        return { ...isForm(UNSET), testNumber: equalTo(U32_MAX) };
      }
      return /^\d{1,10}$/.test(asked) && BigInt(asked) < U32_MAX ? isNumber(BigInt(asked)) : undefined;
    },
    order(comparator, asked) {
      const value = readNumber(asked);
      if (value === undefined) return undefined;
      const question = orderOf(comparator, value, 0n, U32_MAX - 1n);
      if ("problem" in question) return question;
      // Who has no number is neither before nor after others.
      const isSet = equalTo(U32_MAX);
      return { ...question, testNumber: (number) => !isSet(number) && question.testNumber?.(number) === true };
    },
  };
}

/** One of a few words. */
export function oneOf(words: readonly string[]): FieldType {
  return {
    allowed: words.join(", "),
    ...unordered,
    form: String,
    ask: (asked, part) => among(words, asked, part),
    like: (parts, part) => likeOneOf(words, parts, part),
  };
}

function likeOneOf(words: Iterable<string>, parts: readonly string[], part: boolean): Question | undefined {
  const question = isLike(parts, !part);
  for (const word of words) if (question.test(word)) return question;
  return undefined;
}

/** One of many words, which errors cannot all name; `more` are words that are not listed. */
export function named(allowed: string, words: () => ReadonlySet<string>, more?: RegExp): FieldType {
  return {
    allowed,
    ...unordered,
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
    like: (parts, part) => (more === undefined ? likeOneOf(words(), parts, part) : isLike(parts, !part)),
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
    ...unordered,
    form: (value) => String(value).toLowerCase(),
    ask(asked, part) {
      if (!/^[0-9A-Fa-f]+$/.test(asked) || (part ? asked.length > digits : asked.length !== digits)) return undefined;
      return part ? hasPart(asked.toLowerCase()) : isForm(asked.toLowerCase());
    },
    like(parts, part) {
      const joined = parts.join("");
      if (!/^[0-9A-Fa-f]*$/.test(joined) || joined.length > digits) return undefined;
      return isLike(
        parts.map((each) => each.toLowerCase()),
        !part,
      );
    },
  };
}

/** Permission bits, written as four octal digits. */
export const octalMode: FieldType = {
  allowed: "permission bits in octal digits, 0000 to 7777",
  isText: false,
  form: String,
  ask: (asked) => (/^0?[0-7]{1,4}$/.test(asked) ? isForm(asked.slice(-4).padStart(4, "0")) : undefined),
  inPlaceOfOrder: "bits have no order; allowed are =, != and :",
};

/** A device's numbers as the kernel writes them. */
export const device: FieldType = {
  allowed: "major:minor in hex digits, as in fd:00",
  ...unordered,
  form: (value) => String(value).toLowerCase(),
  ask(asked, part) {
    const pattern = part ? /^[0-9A-Fa-f:]{1,17}$/ : /^[0-9A-Fa-f]{1,8}:[0-9A-Fa-f]{1,8}$/;
    if (!pattern.test(asked)) return undefined;
    return part ? hasPart(asked.toLowerCase()) : isForm(asked.toLowerCase());
  },
  like(parts, part) {
    if (!/^[0-9A-Fa-f:]*$/.test(parts.join(""))) return undefined;
    return isLike(
      parts.map((each) => each.toLowerCase()),
      !part,
    );
  },
};

/** A label, as `key=value`; a key alone asks for any value of it. */
export const label: FieldType = {
  allowed: '"key=value" in quotes, or a key for any value of it',
  ...unordered,
  form: String,
  ask(asked) {
    if (asked === "" || asked.startsWith("=")) return undefined;
    return asked.includes("=") ? isForm(asked) : isLike([`${asked}=`, ""], true);
  },
};

/** An IP address, or a network for all of its addresses. */
export const ip: FieldType = {
  allowed: "an IPv4 or IPv6 address, or a network as in 203.0.113.0/24",
  isText: true,
  form: (value) => canonicalAddress(String(value)),
  ask: (asked, part) => askAddress(asked) ?? (part ? partOfAddress(asked) : undefined),
  inPlaceOfOrder: 'addresses have no order; a network is asked for by cidr(field, "203.0.113.0/24")',
};

/** What names the other side: an IP address, a name, a socket's path. */
export const address: FieldType = {
  allowed: "an address, a network, or a name",
  ...unordered,
  form: (value) => canonicalAddress(String(value)) ?? String(value),
  ask: (asked, part) => askAddress(asked) ?? text.ask(asked, part),
  inPlaceOfOrder: 'addresses have no order; a network is asked for by cidr(field, "203.0.113.0/24")',
};

/** An address or a network; undefined where the text is neither. */
export function askAddress(asked: string): Question | Refusal | undefined {
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

const I64_MIN = -(1n << 63n);
const I64_MAX = (1n << 63n) - 1n;

/** A moment, to the nanosecond. */
export const time: FieldType = {
  allowed: 'a time of RFC 3339 with its offset from UTC, as in "2026-11-29T10:00:00Z" or "2026-11-29T11:00:00.5+01:00"',
  isText: false,
  form: (value) => timeText(BigInt(value)),
  ask(asked) {
    const nanos = readTime(asked);
    return nanos === undefined || nanos < I64_MIN || nanos > I64_MAX
      ? undefined
      : { ...isForm(timeText(nanos)), testNumber: equalTo(nanos) };
  },
  order(comparator, asked) {
    const nanos = readTime(asked);
    return nanos === undefined ? undefined : byNumberAlone(orderOf(comparator, nanos, I64_MIN, I64_MAX), readTime);
  },
};

/** How long something took, in nanoseconds. */
export const duration: FieldType = {
  allowed: "seconds with an s behind them, as in 20s or 1.5s",
  isText: false,
  form: (value) => durationText(BigInt(value)),
  ask(asked) {
    const nanos = readDuration(asked);
    return nanos === undefined ? undefined : { ...isForm(durationText(nanos)), testNumber: equalTo(nanos) };
  },
  order(comparator, asked) {
    const nanos = readDuration(asked);
    return nanos === undefined
      ? undefined
      : byNumberAlone(orderOf(comparator, nanos, 2n * I64_MIN, 2n * I64_MAX), readDuration);
  },
};

function durationText(nanos: bigint): string {
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = String(absolute % 1_000_000_000n).padStart(9, "0");
  return `${nanos < 0n ? "-" : ""}${absolute / 1_000_000_000n}.${fraction}s`;
}

/** The order of values whose form is no number. */
function byNumberAlone(question: Question | Refusal, read: (form: string) => bigint | undefined): Question | Refusal {
  if ("problem" in question) return question;
  const { testNumber } = question;
  return {
    ...question,
    test(form) {
      const value = read(form);
      return value !== undefined && testNumber?.(value) === true;
    },
  };
}
