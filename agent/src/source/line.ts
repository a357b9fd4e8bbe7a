/**
 * Lines as auditd writes them into audit.log and to its plugins: `node=… type=SYSCALL msg=audit(…): …`; the same behind a header of syslog;
 * as the kernel writes them into its own log: `audit: type=1300 audit(…): …`; and entries of the journal.
 */
import { ENRICHED_SEPARATOR, recordTypeName, recordTypeNumber } from "@hosttrail/lib/audit";
import { type RawRecord, textOf } from "../model/index.ts";
import { isJournalLine, type JournalEntry, readJournalEntry, recordOfEntry } from "./journal.ts";
import { parseStamp } from "./stamp.ts";
import { readHeader } from "./syslog.ts";

/** What rsyslog makes of the separator (`$EscapeControlCharactersOnReceive`): a control character in octal. */
const ESCAPED_SEPARATOR = "#035";
const KERNEL = "kernel";
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

/** One line, in Latin-1 and without its line feed. Undefined where it is none. */
export function parseLogLine(line: string): RawRecord | undefined {
  if (line.startsWith("type=") || line.startsWith("node=")) return recordAt(line, 0, "");
  if (isJournalLine(line)) {
    const entry = readJournalEntry(line);
    return entry && recordInJournal(entry);
  }
  const header = readHeader(line);
  if (header !== undefined) return recordOfMessage(line.slice(header.start), header.node, header.program);
  const start = textStart(line);
  return start === 0 ? undefined : parseLogLine(line.slice(start));
}

/** Behind the zeros that a crash of the machine leaves where blocks were never written, and an editor's byte order mark. */
function textStart(line: string): number {
  let at = 0;
  for (let before = -1; at > before; ) {
    before = at;
    while (line.charCodeAt(at) === 0) at++;
    if (line.startsWith(BYTE_ORDER_MARK, at)) at += BYTE_ORDER_MARK.length;
  }
  return at;
}

/** Journald tells who wrote an entry: only what came from the kernel, or from root's own audit dispatcher, is a record. */
function recordInJournal(entry: JournalEntry): RawRecord | undefined {
  const { transport, message, node } = entry;
  if (transport === "audit") return recordOfEntry(entry);
  if (message === undefined || (transport !== KERNEL && entry.userId !== "0")) return undefined;
  return recordOfMessage(message, node, transport === KERNEL ? KERNEL : entry.program);
}

/** The record of a message behind a header that names its host. */
function recordOfMessage(message: string, node: string, program: string): RawRecord | undefined {
  const start = program === KERNEL && message.startsWith("audit: ") ? "audit: ".length : 0;
  return recordAt(unescapeSeparator(message.slice(start)), 0, node);
}

/** Only where a value ends and one of auditd's keys follows: a process may have `#035` in its name. */
function unescapeSeparator(text: string): string {
  const at = text.lastIndexOf(ESCAPED_SEPARATOR);
  if (at < 0 || text.includes(ENRICHED_SEPARATOR) || !isWhole(text, at) || !isValueEnd(text, at)) return text;
  const after = text.slice(at + ESCAPED_SEPARATOR.length);
  return after.search(FIRST_KEY) === 0 ? text.slice(0, at) + ENRICHED_SEPARATOR + after : text;
}

/** The record that begins there. What it says of its host goes before what others said. */
function recordAt(line: string, begin: number, host: string): RawRecord | undefined {
  let at = begin;
  let node = host;
  if (line.startsWith("node=", at)) {
    const end = line.indexOf(" ", at);
    if (end < 0) return undefined;
    node = line.slice(at + "node=".length, end);
    at = end + 1;
  }
  if (!line.startsWith("type=", at)) return undefined;
  const space = line.indexOf(" ", at);
  if (space < 0) return undefined;
  // The kernel's own log has the stamp without a key, and types as numbers.
  const stamp = line.startsWith("msg=", space + 1) ? space + 1 + "msg=".length : space + 1;
  const type = typeOf(line.slice(at + "type=".length, space));
  if (type === undefined) return undefined;
  const record = parseStamp(type, node, line.slice(stamp), 0);
  if (record === undefined) return undefined;
  const end = enrichmentStart(record.text);
  if (end === undefined) return record;
  const { text } = record;
  const isSeparated = text[end] === ENRICHED_SEPARATOR || text[end] === " ";
  return { ...record, text: text.slice(0, end), enriched: text.slice(isSeparated ? end + 1 : end) };
}

function typeOf(word: string): number | undefined {
  return recordTypeNumber(word) ?? (/^\d{1,5}$/.test(word) ? Number(word) : undefined);
}

/** Why a line gives no record. */
export interface Unread {
  /** Another program's message, in a log that is not only audit's. */
  isForeign: boolean;
  /** Without a word of the line itself: it may have a secret. */
  reason: string;
}

/** Tells why `parseLogLine` found no record in that line. */
export function whyUnread(line: string): Unread {
  if (isJournalLine(line)) {
    const entry = readJournalEntry(line);
    return entry === undefined ? fault("no whole JSON object") : whyNotInJournal(entry);
  }
  if (line.startsWith("__CURSOR=")) return fault("journalctl -o export is not read; journalctl --all -o json is");
  const header = line.startsWith("type=") || line.startsWith("node=") ? undefined : readHeader(line);
  if (header === undefined) return whyNoRecord(line);
  const message = line.slice(header.start);
  if (header.program === "audit")
    return fault("journalctl's short forms leave the serial number out; journalctl --all -o json has it");
  if (/^\[[\d.]+\w* blob data\]$/.test(message))
    return fault("journalctl left the bytes out; journalctl --all -o json has them");
  return whyNoMessage(message, header.program);
}

function whyNotInJournal(entry: JournalEntry): Unread {
  const { transport, message, program } = entry;
  const isAudit = transport === "audit";
  if (message === undefined && (isAudit || transport === KERNEL))
    return fault("journalctl left the message out: it is longer than 4,096 bytes; journalctl --all -o json has it");
  if (isAudit)
    return fault("one of _AUDIT_TYPE, _AUDIT_ID and _SOURCE_REALTIME_TIMESTAMP is missing, or no number that can be");
  if (transport !== KERNEL && entry.userId !== "0")
    return { isForeign: true, reason: "not written by the kernel or by root" };
  return whyNoMessage(message ?? "", transport === KERNEL ? KERNEL : program);
}

function whyNoMessage(message: string, program: string): Unread {
  const isAudit = program === KERNEL && message.startsWith("audit: ");
  const suppressed = isAudit && /(\d{1,10}) callbacks suppressed/.exec(message);
  if (suppressed)
    return fault(`the kernel left ${suppressed[1]} records out of its log (audit's rate limit of messages)`);
  const text = message.slice(isAudit ? "audit: ".length : 0);
  return text.startsWith("type=") || text.startsWith("node=")
    ? whyNoRecord(text)
    : { isForeign: true, reason: "another program's message" };
}

function whyNoRecord(text: string): Unread {
  const begin = text.startsWith("node=") ? text.indexOf(" ") + 1 : 0;
  if (!text.startsWith("type=", begin))
    return fault("neither a record nor a header of syslog, journald or the kernel's log");
  const word = text.slice(begin + "type=".length).split(" ", 1)[0] ?? "";
  if (typeOf(word) === undefined) return fault("its record type is unknown");
  return fault("no stamp audit(seconds.milliseconds:serial) behind its type");
}

function fault(reason: string): Unread {
  return { isForeign: false, reason };
}

/** The line of a record, as auditd writes it and `parseLogLine` reads it; without its line feed. */
export function formatLogLine(record: RawRecord): string {
  const { type, node, seconds, milliseconds, serial, enriched } = record;
  const stamp = `audit(${seconds}.${String(milliseconds).padStart(3, "0")}:${serial})`;
  const line = `type=${recordTypeName(type)} msg=${stamp}: ${textOf(record)}`;
  return `${node === "" ? "" : `node=${node} `}${line}${enriched === "" ? "" : ENRICHED_SEPARATOR + enriched}`;
}

/** auditd's words begin with one of these. */
const FIRST_KEY = /(?:ARCH|SYSCALL|OLD-AUID|OAUID|SAUID|AUID|OUID|OBJ-UID|INODE_UID|IUID|UID|ID|SADDR)=/g;

/**
 * Where auditd's own words begin: at the last separator; in copies that have a space instead, or lost it, where a value ends and one of its
 * keys follows. The kernel's own keys are in lower case. What user space wrote may look like either, so a message must have ended before.
 */
function enrichmentStart(text: string): number | undefined {
  const separator = text.lastIndexOf(ENRICHED_SEPARATOR);
  if (separator >= 0) return isWhole(text, separator) ? separator : undefined;
  for (const { index } of text.matchAll(FIRST_KEY)) {
    if (index === 0) continue;
    if (text[index - 1] === " ") {
      if (index > 1 && isWhole(text, index - 1)) return index - 1;
    } else if (isWhole(text, index) && isValueEnd(text, index)) return index;
  }
  return undefined;
}

/** True where no message is open: one that has begun must have ended at its last apostrophe. */
function isWhole(text: string, end: number): boolean {
  const begin = text.indexOf("msg='");
  return begin < 0 || begin > end || (text[end - 1] === "'" && end - 1 > begin + 4);
}

/** A quote, a bracket, a number or whole bytes in hex come before. */
function isValueEnd(text: string, end: number): boolean {
  const word = text.slice(text.lastIndexOf(" ", end - 1) + 1, end);
  const value = word.slice(word.indexOf("=") + 1);
  return /^(?:"[^"]*"|\(\w+\)|-?\d+|(?:[0-9A-F]{2})+|.*')$/.test(value);
}
