/** The stamp that every record begins with: `audit(seconds.milliseconds:serial): `. */
import type { RawRecord } from "../model/index.ts";

const STAMP = "audit(";
const COLON = 0x3a;
const SPACE = 0x20;

/** Takes a record's text apart; undefined where it has no stamp. */
export function parseStamp(type: number, node: string, text: string, position: number): RawRecord | undefined {
  if (!text.startsWith(STAMP)) return undefined;
  const dot = text.indexOf(".", STAMP.length);
  const colon = text.indexOf(":", dot);
  const close = text.indexOf(")", colon);
  if (dot < 0 || colon < 0 || close < 0 || close > 60) return undefined;
  const seconds = digits(text, STAMP.length, dot);
  const milliseconds = digits(text, dot + 1, colon);
  const serial = digits(text, colon + 1, close);
  if (seconds < 0 || seconds > 0xffffffffff || milliseconds < 0 || milliseconds > 999) return undefined;
  if (serial < 0 || serial > 0xffffffff) return undefined;
  // Some of auditd's own records have no colon behind it.
  const end = text.charCodeAt(close + 1) === COLON ? close + 2 : close + 1;
  if (end === close + 1 && text.charCodeAt(end) !== SPACE) return undefined;
  const start = text.charCodeAt(end) === SPACE ? end + 1 : end;
  return {
    type,
    node,
    seconds,
    milliseconds,
    serial,
    text: text.slice(start),
    actor: "",
    call: undefined,
    enriched: "",
    position,
  };
}

/** A decimal number of at most 15 digits, -1 where it is none. */
function digits(text: string, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at) - 48;
    if (code < 0 || code > 9) return -1;
    value = value * 10 + code;
  }
  return value;
}
