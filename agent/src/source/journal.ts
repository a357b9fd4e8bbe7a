/** Entries of the journal, as `journalctl -o json` (or json-seq) writes them: one object a line. */
import type { RawRecord } from "../model/index.ts";

/** The fields that tell of a record. Source: systemd.journal-fields(7), and journald's audit socket. */
export interface JournalEntry {
  transport: string;
  program: string;
  /** The user that wrote it, as the kernel told journald; empty where it did not. */
  userId: string;
  node: string;
  /** In Latin-1; undefined where journalctl left it out. */
  message: string | undefined;
  auditType: number;
  auditId: number;
  /** Microseconds since 1970 of the record's stamp; NaN where there is none. */
  sourceTimeUs: number;
}

/** json-seq begins each object with it (RFC 7464). */
const RECORD_SEPARATOR = "\u001e";
const UINT32_MAX = 0xffffffff;
const TYPE_MAX = 65_535;
const SECONDS_MAX = 0xffffffffff;

export function isJournalLine(line: string): boolean {
  return line.startsWith("{") || line.startsWith(RECORD_SEPARATOR);
}

/** The entry of a line in Latin-1; undefined where it is no object of JSON. */
export function readJournalEntry(line: string): JournalEntry | undefined {
  const start = line.startsWith(RECORD_SEPARATOR) ? 1 : 0;
  let fields: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(Buffer.from(line.slice(start), "latin1").toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    fields = value as Record<string, unknown>;
  } catch {
    return undefined;
  }
  return {
    transport: textOf(fields["_TRANSPORT"]) ?? "",
    program: textOf(fields["SYSLOG_IDENTIFIER"]) ?? "",
    userId: textOf(fields["_UID"]) ?? "",
    node: textOf(fields["_HOSTNAME"]) ?? "",
    message: textOf(fields["MESSAGE"]),
    auditType: numberOf(fields["_AUDIT_TYPE"]),
    auditId: numberOf(fields["_AUDIT_ID"]),
    sourceTimeUs: numberOf(fields["_SOURCE_REALTIME_TIMESTAMP"]),
  };
}

/** The record of an entry that journald itself has read from the kernel's audit socket: its message is `SYSCALL arch=…`, the stamp is in fields. */
export function recordOfEntry(entry: JournalEntry): RawRecord | undefined {
  const { message, auditType, auditId, sourceTimeUs, node } = entry;
  if (message === undefined || !isWithin(auditType, TYPE_MAX) || !isWithin(auditId, UINT32_MAX)) return undefined;
  const seconds = Math.floor(sourceTimeUs / 1_000_000);
  if (!isWithin(seconds, SECONDS_MAX)) return undefined;
  const space = message.indexOf(" ");
  return {
    type: auditType,
    node,
    seconds,
    milliseconds: Math.floor((sourceTimeUs % 1_000_000) / 1000),
    serial: auditId,
    text: space < 0 ? "" : message.slice(space + 1),
    actor: "",
    call: undefined,
    enriched: "",
    position: 0,
  };
}

/** journalctl gives what cannot be printed as an array of bytes, and null for what is longer than 4,096 bytes (without --all). */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return Buffer.from(value, "utf8").toString("latin1");
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255))
    return undefined;
  return Buffer.from(value as number[]).toString("latin1");
}

function numberOf(value: unknown): number {
  return typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
}

function isWithin(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}
