/** A record's text to its words: `key=value`, or a bare word. Nothing is decoded and nothing lost here. */

import type { AuditRecord, Endpoint, File, User } from "@hosttrail/proto/event";

/** A record as its words, in the kernel's order. */
export interface RecordWords {
  type: number;
  /** One a word; empty for a word that is no `key=value`. Shared by records of a type: nobody may change it. */
  keys: readonly string[];
  /** One a word: the value, or the whole word where the key is empty. Latin-1, as it came. */
  values: string[];
  /** What was made of this record before, where the same text came again. */
  memo?: RecordMemo;
  /** Of a SYSCALL record, the words that tell who acted (`auid` and all behind), which come again and again; `values` ends with them. */
  actor?: RecordWords;
  /** What the words before those say, where they are just what a kernel writes. */
  call?: Call;
}

/** What the words of a SYSCALL record before `auid` say. They can be written again from it, byte for byte. */
export interface Call {
  arch: number;
  number: number;
  success: "yes" | "no";
  exit: bigint;
  /** a0 to a3, unsigned. */
  arguments: bigint[];
  items: number;
  parentPid: number;
  pid: number;
}

/** What depends on a record's text alone, or on what it was made with: kept from event to event. */
interface RecordMemo {
  /** Secrets that were replaced in it; undefined where nobody looked yet. */
  redacted?: number;
  /** A PROCTITLE's title. */
  title?: string;
  args?: { args: string[]; count: number; isCut?: boolean };
  file?: File;
  /** What the file's path was resolved against. */
  directory?: string;
  bases?: unknown;
  endpoint?: Endpoint | undefined;
  /** Who acted, by a SYSCALL record's last words. */
  actor?: Actor;
  /** The record without what the event gives back, and the parts of the event that this was decided by. */
  condensed?: { record: AuditRecord; part: unknown; args: unknown; hasProcess: boolean; occurrence: number };
}

/** What a SYSCALL record's last words say. */
export interface Actor {
  user: User | undefined;
  name: string;
  executable: string;
  tty: string;
  sessionId: number;
  keys: string[];
  /** Which of the words an event with this actor does not give back. Undefined where nobody looked yet. */
  kept?: readonly number[];
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

/** The keys of the last record of each type: the next one of it most often has the same, and then shares them. */
const lastKeys = new Map<number, string[]>();
/** Types whose keys are remembered. */
const LAST_KEYS_MAX = 256;
/** Longer lists are not worth comparing. */
const KEYS_MAX = 64;

/** Splits at single spaces, outside of quotes, so that joining the words with spaces gives the text again. */
export function splitWords(type: number, text: string): RecordWords {
  const values: string[] = [];
  const expected = lastKeys.get(type) ?? NO_KEYS;
  // While the keys are those of the record before, none is cut out anew.
  let at = 0;
  let same = 0;
  while (at < text.length && same < expected.length) {
    const key = expected[same] ?? "";
    const equals = at + key.length;
    if (key === "" || text.charCodeAt(equals) !== EQUALS || !text.startsWith(key, at)) break;
    const end = wordEnd(text, equals);
    values.push(text.slice(equals + 1, end));
    at = end + 1;
    same++;
  }
  // All are the same, and there is no word behind the last one.
  if (same === expected.length && at === text.length + 1) return { type, keys: expected, values };
  const keys = expected.slice(0, same);
  splitRest(text, at, keys, values);
  if (keys.length <= KEYS_MAX && (lastKeys.size < LAST_KEYS_MAX || lastKeys.has(type))) lastKeys.set(type, keys);
  return { type, keys, values };
}

const NO_KEYS: string[] = [];

function splitRest(text: string, start: number, keys: string[], values: string[]): void {
  const { length } = text;
  if (length === 0) return;
  let at = start;
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
        end = wordEnd(text, end);
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
}

/** Where the word whose `=` stands at `equals` ends: the index of the space after it, or the text's length. */
function wordEnd(text: string, equals: number): number {
  const end = valueEnd(text, equals + 1);
  return end < text.length && text.charCodeAt(end + 1) === OPEN_PARENTHESIS ? profileEnd(text, equals, end) : end;
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
    // msg='…' is user space's own text, and the kernel writes nothing behind it: what is inside never counts as a field, also where
    // the end of a line is lost.
    if (text.startsWith("msg=", start - 4) && (start === 4 || text.charCodeAt(start - 5) === SPACE)) return text.length;
    const close = text.lastIndexOf("'");
    if (close > start && (close + 1 === text.length || text.charCodeAt(close + 1) === SPACE)) return close + 1;
  }
  const space = text.indexOf(" ", start);
  return space < 0 ? text.length : space;
}

/** Where each key of the last record that was asked stands; records of a type share their keys. */
let askedKeys: readonly string[] = NO_KEYS;
let places = new Map<string, number>();

/** The first record of a type, or undefined. */
export function recordOf(records: readonly RecordWords[], type: number): RecordWords | undefined {
  for (const record of records) if (record.type === type) return record;
  return undefined;
}

/** The first value of a key, or undefined. */
export function valueOf({ keys, values }: RecordWords, key: string): string | undefined {
  if (keys.length < 8) {
    const at = keys.indexOf(key);
    return at < 0 ? undefined : values[at];
  }
  if (keys !== askedKeys) {
    askedKeys = keys;
    places = placesOf(keys);
  }
  const at = places.get(key);
  return at === undefined ? undefined : values[at];
}

const knownPlaces = new WeakMap<readonly string[], Map<string, number>>();

function placesOf(keys: readonly string[]): Map<string, number> {
  let known = knownPlaces.get(keys);
  if (known === undefined) {
    known = new Map();
    for (const [at, key] of keys.entries()) if (!known.has(key)) known.set(key, at);
    knownPlaces.set(keys, known);
  }
  return known;
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
  const at = words.keys.indexOf("op");
  if (at < 0 || words.keys[at + 1] !== "") return words;
  const keys = [...words.keys];
  const values = [...words.values];
  while (keys[at + 1] === "" && values[at + 1] !== "") {
    values[at] += ` ${values[at + 1]}`;
    keys.splice(at + 1, 1);
    values.splice(at + 1, 1);
  }
  return { ...words, keys, values };
}
