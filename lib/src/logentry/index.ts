/**
 * What stands in the transparency log: an entry is a few lines of text, each a key and a value, which any tool can read and compare.
 * The first line names kind and version. Pure.
 */
export {
  type DroppedEntry,
  type EntryKind,
  HEAD_RESTATED_MS,
  type HeadEntry,
  type HoldEntry,
  type LogEntry,
  LogEntryError,
  type Logged,
  type LoggedRange,
} from "./entry.ts";
export { formatLogEntry, HOSTS_MAX, LABELS_MAX, LOG_ENTRY_BYTES_MAX } from "./format.ts";
export { parseLogEntry } from "./parse.ts";
export { RANGES_MAX } from "./value.ts";
