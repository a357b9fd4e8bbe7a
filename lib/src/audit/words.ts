/** A record's text to its words: `key=value`, or a bare word. Nothing is decoded and nothing lost here. */

/** A record as its words, in the kernel's order. */
export interface RecordWords {
  type: number;
  /** One a word; empty for a word that is no `key=value`. */
  keys: string[];
  /** One a word: the value, or the whole word where the key is empty. Latin-1, as it came. */
  values: string[];
}

/** Divides, in ENRICHED logs, auditd's own words from the kernel's text. */
export const ENRICHED_SEPARATOR = "\u001d";

const SPACE = 0x20;
const EQUALS = 0x3d;
const OPEN_PARENTHESIS = 0x28;
const DOUBLE = 0x22;
const SINGLE = 0x27;
const LAST_ASCII = 0x7e;

/** Where no quote ends a value that has a space in it: AppArmor writes `subj==/usr/sbin/ntpd (enforce)`. */
const PROFILE_MODES = [" (enforce)", " (complain)", " (unconfined)", " (kill)", " (mixed)", " (user)"] as const;

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
      if (code > LAST_ASCII || code < SPACE) isKey = false;
      if (code === EQUALS && isKey) {
        equals = end;
        end = valueEnd(text, end + 1);
        if (end < length && text.charCodeAt(end + 1) === OPEN_PARENTHESIS) end = profileEnd(text, equals, end);
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

/** Where a security label ends that has its profile's mode behind it. */
function profileEnd(text: string, equals: number, end: number): number {
  if (!/(?:subj|obj|label)$/.test(text.slice(Math.max(0, equals - 5), equals))) return end;
  const mode = PROFILE_MODES.find((word) => text.startsWith(word, end));
  if (mode === undefined) return end;
  const after = end + mode.length;
  return after === text.length || text.charCodeAt(after) === SPACE ? after : end;
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

/** The last value of a key: `old auid=1 new auid=2` of old kernels names a field twice. */
export function lastValueOf(record: RecordWords, key: string): string | undefined {
  const at = record.keys.lastIndexOf(key);
  return at < 0 ? undefined : record.values[at];
}

/** The words inside of msg='…', which user space wrote. */
export function messageWords(record: RecordWords): RecordWords | undefined {
  const message = valueOf(record, "msg");
  if (message === undefined || !message.startsWith("'")) return undefined;
  return joinOperation(
    splitWords(record.type, message.slice(1, message.endsWith("'") && message.length > 1 ? -1 : undefined)),
  );
}

/** The tools for accounts write `op=adding user to group acct=…`: the words behind belong to the operation. */
function joinOperation(words: RecordWords): RecordWords {
  const { keys, values } = words;
  const at = keys.indexOf("op");
  while (at >= 0 && keys[at + 1] === "" && values[at + 1] !== "") {
    values[at] += ` ${values[at + 1]}`;
    keys.splice(at + 1, 1);
    values.splice(at + 1, 1);
  }
  return words;
}
