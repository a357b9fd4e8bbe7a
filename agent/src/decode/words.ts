/** A record's text to its words: `key=value`, or a bare word. Nothing is decoded and nothing lost here. */
import type { RecordWords } from "@hosttrail/lib/audit";

const SPACE = 0x20;
const EQUALS = 0x3d;
const DOUBLE = 0x22;
const SINGLE = 0x27;
const LAST_ASCII = 0x7e;

/** Splits at single spaces, outside of quotes, so that joining the words with spaces gives the text again. */
export function splitWords(type: number, text: string): RecordWords {
  const keys: string[] = [];
  const values: string[] = [];
  const length = text.length;
  if (length === 0) return { type, keys, values };
  let at = 0;
  // A trailing space is followed by an empty word.
  while (at <= length) {
    let equals = -1;
    // The kernel's keys are ASCII; what is not is a word of its own, so that its bytes are kept as they are.
    let isKey = true;
    let end = at;
    for (; end < length; end++) {
      const code = text.charCodeAt(end);
      if (code === SPACE) break;
      if (code > LAST_ASCII) isKey = false;
      if (code === EQUALS && isKey) {
        equals = end;
        end = valueEnd(text, end + 1);
        break;
      }
    }
    if (equals > at) {
      keys.push(text.slice(at, equals));
      values.push(text.slice(equals + 1, end));
    } else {
      keys.push("");
      values.push(text.slice(at, end));
    }
    at = end + 1;
  }
  return { type, keys, values };
}

/** Where the value that begins at `start` ends: the index of the space after it, or the text's length. */
function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === DOUBLE) {
    // The kernel puts no quote and no space between quotes; user space may, so a space must follow.
    const close = text.indexOf('"', start + 1);
    if (close > 0 && (close + 1 === text.length || text.charCodeAt(close + 1) === SPACE)) return close + 1;
  } else if (first === SINGLE) {
    // msg='…' is user space's own text and goes to the last quote: what is inside never counts as a field.
    const close = text.lastIndexOf("'");
    if (close > start && (close + 1 === text.length || text.charCodeAt(close + 1) === SPACE)) return close + 1;
  }
  const space = text.indexOf(" ", start);
  return space < 0 ? text.length : space;
}

/** The first value of a key, or undefined. */
export function valueOf(record: RecordWords, key: string): string | undefined {
  const at = record.keys.indexOf(key);
  return at < 0 ? undefined : record.values[at];
}

/** The words inside of msg='…', which user space wrote. */
export function messageWords(record: RecordWords): RecordWords | undefined {
  const message = valueOf(record, "msg");
  if (message === undefined || !message.startsWith("'")) return undefined;
  return splitWords(record.type, message.slice(1, message.endsWith("'") && message.length > 1 ? -1 : undefined));
}
