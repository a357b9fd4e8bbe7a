/** Lines as auditd writes them into audit.log and to its plugins: `node=… type=SYSCALL msg=audit(…): …`. */
import { ENRICHED_SEPARATOR, recordTypeName, recordTypeNumber } from "@hosttrail/lib/audit";
import { type RawRecord, textOf } from "../model/index.ts";
import { parseStamp } from "./stamp.ts";

/** One line, in Latin-1 and without its line feed. Undefined where it is none. */
export function parseLogLine(line: string): RawRecord | undefined {
  let at = 0;
  let node = "";
  if (line.startsWith("node=")) {
    at = line.indexOf(" ") + 1;
    if (at === 0) return undefined;
    node = line.slice("node=".length, at - 1);
  }
  if (!line.startsWith("type=", at)) return undefined;
  const space = line.indexOf(" ", at);
  if (space < 0 || !line.startsWith("msg=", space + 1)) return undefined;
  const type = recordTypeNumber(line.slice(at + "type=".length, space));
  if (type === undefined) return undefined;
  const record = parseStamp(type, node, line.slice(space + 1 + "msg=".length), 0);
  if (record === undefined) return undefined;
  const end = enrichmentStart(record.text);
  if (end === undefined) return record;
  const { text } = record;
  const isSeparated = text[end] === ENRICHED_SEPARATOR || text[end] === " ";
  return { ...record, text: text.slice(0, end), enriched: text.slice(isSeparated ? end + 1 : end) };
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
