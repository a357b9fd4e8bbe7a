/** Text to numbers and names, with what to do where it is none. */
import { unquote } from "@hosttrail/lib/audit";

const ZERO = 0x30;
const UINT32_MAX = 0xffffffff;

/** A decimal u32; `fallback` where the text is missing or none. */
export function u32(text: string | undefined, fallback: number): number {
  if (text === undefined || text.length === 0 || text.length > 10) return fallback;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return fallback;
    value = value * 10 + digit;
  }
  return value <= UINT32_MAX ? value : fallback;
}

/** A hex u32. */
export function hex32(text: string | undefined, fallback: number): number {
  if (text === undefined || text.length > 8) return fallback;
  const value = hexNumber(text);
  return value < 0 ? fallback : value;
}

/** A hex u64; 0 where the text is missing or none. */
export function hex64(text: string | undefined): bigint {
  if (text === undefined || text.length > 16) return 0n;
  if (text.length <= 12) {
    const value = hexNumber(text);
    return value <= 0 ? 0n : BigInt(value);
  }
  return /^[0-9a-f]+$/i.test(text) ? BigInt(`0x${text}`) : 0n;
}

/** Up to 12 hex digits; -1 where it is none. */
function hexNumber(text: string): number {
  if (text.length === 0) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    let digit = code - ZERO;
    if (digit < 0 || digit > 9) {
      // Upper and lower case differ by one bit.
      const letter = (code | 0x20) - 0x61;
      if (letter < 0 || letter > 5 || code < 0x41) return -1;
      digit = letter + 10;
    }
    value = value * 16 + digit;
  }
  return value;
}

/** A decimal i64; 0 where the text is missing or none. */
export function i64(text: string | undefined): bigint {
  if (text === undefined) return 0n;
  const negative = text.charCodeAt(0) === 0x2d;
  const small = u32(negative ? text.slice(1) : text, -1);
  if (small >= 0) return BigInt(negative ? -small : small);
  return /^-?\d{1,19}$/.test(text) ? BigInt.asIntN(64, BigInt(text)) : 0n;
}

/** A decimal u64. */
export function u64(text: string | undefined): bigint {
  if (text === undefined) return 0n;
  const small = u32(text, -1);
  if (small >= 0) return BigInt(small);
  return /^\d{1,20}$/.test(text) ? BigInt.asUintN(64, BigInt(text)) : 0n;
}

/** An octal u32. */
export function octal(text: string | undefined): number {
  if (text === undefined || text.length === 0 || text.length > 11) return 0;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 7) return 0;
    value = value * 8 + digit;
  }
  return value >>> 0;
}

/** The keys of the rules that matched, as a record's `key` names them; 0x01 divides several. */
export function ruleKeys(value: string | undefined): string[] {
  return value === undefined || value === "(null)" ? [] : unquote(value).split("\u0001");
}

/** `(null)` is the kernel's word for no name. */
export function unquoteName(value: string | undefined): string {
  return value === undefined || value === "(null)" ? "" : unquote(value);
}
