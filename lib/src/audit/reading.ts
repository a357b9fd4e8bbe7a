/**
 * What a record says beside its event, read: what user space wrote into `msg='…'`, what was typed, what a security module asked. A tool
 * writes a text with a space or a quote in it as hex, as the kernel does, so that nobody who looks for the text would find it.
 */
import type { AuditField, AuditRecord } from "@hosttrail/proto/event";
import { bytesOfHex } from "./text.ts";
import { ENRICHED_SEPARATOR, messageWords, type RecordWords } from "./words.ts";

/** Words that are read, by their names in the audit documentation. `requested` is AppArmor's mask or SELinux's permissions. */
export const READ_FIELDS = [
  "cmd",
  "data",
  "exe",
  "hostname",
  "op",
  "profile",
  "requested",
  "scontext",
  "tclass",
  "tcontext",
  "terminal",
  "unit",
] as const;

export type ReadField = (typeof READ_FIELDS)[number];

const READ: ReadonlySet<string> = new Set(READ_FIELDS);

/** What AppArmor calls them. */
const ALIASES: Readonly<Record<string, ReadField>> = { requested_mask: "requested", operation: "op" };

/** Words that their writers put in quotes or in hex. Others, as a unit's name, are plain, whatever they look like. */
const ENCODED: ReadonlySet<string> = new Set(
  "acct cmd comm cwd data device dir exe file grp key name new_comm ocomm path profile proctitle root_dir sw vm watch".split(
    " ",
  ),
);
/** Both the kernel and libaudit write upper case. */
const HEX = /^(?:[0-9A-F]{2})+$/;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NOTHING = new Set(["", "?", "(null)", "(none)"]);

type Read = ReadonlyMap<ReadField, readonly string[]>;

const known = new WeakMap<AuditRecord, Read>();
const NONE: Read = new Map();

/** What the record says in these words; in most records it is nothing. What is inside of a message goes before what the kernel wrote. */
export function readRecord(record: AuditRecord): Read {
  let read = known.get(record);
  if (read === undefined) {
    // Most records say nothing: those of system calls have all of their words in the event.
    read = record.fields.some(isSaid) ? readWords(record) : NONE;
    known.set(record, read);
  }
  return read;
}

function isSaid({ key, value }: AuditField): boolean {
  return key === "" ? value === "{" : key === "msg" || READ.has(key) || Object.hasOwn(ALIASES, key);
}

function readWords(record: AuditRecord): Read {
  const read = new Map<ReadField, string[]>();
  const message = messageOf(record);
  const words = message ?? wordsOf(record);
  for (const [at, key] of words.keys.entries()) {
    const name = ALIASES[key] ?? (isReadField(key) ? key : undefined);
    if (name === undefined) continue;
    const value = readWord(key, words.values[at] ?? "");
    if (NOTHING.has(value) || read.has(name)) continue;
    // A mask of AppArmor's is one word, but for those of sockets and the bus: "send receive".
    read.set(name, name === "requested" ? value.split(" ") : [value]);
  }
  const permissions = permissionsOf(words);
  if (permissions.length > 0) read.set("requested", permissions);
  return read.size === 0 ? NONE : read;
}

function isReadField(key: string): key is ReadField {
  return READ.has(key);
}

/** SELinux writes `avc:  denied  { read write } for`. */
function permissionsOf({ keys, values }: RecordWords): string[] {
  const start = keys.findIndex((key, at) => key === "" && values[at] === "{");
  const end = start < 0 ? -1 : values.indexOf("}", start);
  return end < 0 ? [] : values.slice(start + 1, end).filter((value) => value !== "");
}

/** Those fields of a record that the event does not have in a place of its own. */
function wordsOf({ type, fields }: AuditRecord): RecordWords {
  return { type, keys: fields.map(({ key }) => key), values: fields.map(textOf) };
}

function messageOf({ type, fields }: Pick<AuditRecord, "type" | "fields">): RecordWords | undefined {
  const message = fields.find(({ key }) => key === "msg");
  return message && messageWords({ type, keys: ["msg"], values: [textOf(message)] });
}

function textOf({ value, valueBytes }: AuditField): string {
  return valueBytes.length > 0 ? decoder.decode(valueBytes) : value;
}

/** A word's value as it was meant: without its quotes, and hex as text. */
function readWord(key: string, value: string): string {
  if (value.startsWith('"')) return value.slice(1, value.length > 1 && value.endsWith('"') ? -1 : undefined);
  if (!ENCODED.has(key) || !HEX.test(value)) return value;
  const bytes = bytesOfHex(value);
  return bytes === undefined ? value : decoder.decode(bytes);
}

const keptWords = new WeakMap<AuditRecord, readonly (readonly [string, string])[]>();
const NO_WORDS: readonly (readonly [string, string])[] = [];

/**
 * The fields that a record itself keeps, read: name and text of each. What stands in a message is told by its own names, and so is what
 * auditd added in an ENRICHED log. Empty texts are left out. Where none of the names is among `wanted`, nothing may be given.
 */
export function readKept(
  record: AuditRecord,
  wanted?: { has(name: string): boolean },
): readonly (readonly [string, string])[] {
  const { fields } = record;
  if (fields.length === 0) return NO_WORDS;
  if (wanted !== undefined && !fields.some(({ key }) => mayGive(key, wanted))) return NO_WORDS;
  let words = keptWords.get(record);
  if (words === undefined) {
    words = fields.flatMap((field) => {
      const message = field.key === "msg" ? messageOf({ type: record.type, fields: [field] }) : undefined;
      const { keys, values } = message ?? { keys: [field.key], values: [textOf(field)] };
      return keys.flatMap((key, at): [string, string][] => {
        const name = key.startsWith(ENRICHED_SEPARATOR) ? key.slice(ENRICHED_SEPARATOR.length) : key;
        const text = readWord(name, values[at] ?? "");
        return text === "" ? [] : [[name, text]];
      });
    });
    keptWords.set(record, words);
  }
  return words;
}

function mayGive(key: string, wanted: { has(name: string): boolean }): boolean {
  return key === "msg" || key.startsWith(ENRICHED_SEPARATOR) || wanted.has(key);
}

/** A field's value with its hex read; undefined where there is none in it. */
export function readField(record: AuditRecord, field: AuditField): string | undefined {
  const written = textOf(field);
  if (field.key === "msg") {
    const words = messageOf({ type: record.type, fields: [field] });
    if (words === undefined) return undefined;
    let changed = false;
    const read = words.keys.map((key, at) => {
      const value = words.values[at] ?? "";
      if (key === "") return value;
      const text = readWord(key, value);
      if (value.startsWith('"') || text === value) return `${key}=${value}`;
      changed = true;
      return `${key}="${text}"`;
    });
    return changed ? `'${read.join(" ")}'` : undefined;
  }
  const text = readWord(field.key, written);
  return written.startsWith('"') || text === written ? undefined : text;
}
