/**
 * ENRICHED logs: behind the kernel's text auditd wrote names for its numbers, as its own host knew them. They are kept with
 * their record, apart from the kernel's fields, and name users where this host cannot.
 */
import { ENRICHED_SEPARATOR, RECORD, type RecordWords, recordOf, splitWords, unquote } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import { messageOf, targetName } from "./message.ts";

/** Adds the words of the enrichment; the first one carries the separator in its key. */
export function appendEnriched({ type, keys, values }: RecordWords, enriched: string): RecordWords {
  const more = splitWords(type, enriched);
  const [first = "", ...others] = more.keys;
  return {
    type,
    keys: [...keys, `${ENRICHED_SEPARATOR}${first}`, ...others],
    values: [...values, ...more.values],
  };
}

/** A name from the enrichment, which begins at its separator; a key of the same name before it is none. */
function nameIn(record: RecordWords, key: string): string {
  return namesIn(record, key)[0] ?? "";
}

/** All names of a key: `uid` of the kernel comes before that of a message. Empty where there is none for the number. */
function namesIn({ keys, values }: RecordWords, key: string): string[] {
  const start = keys.findIndex((name) => name.startsWith(ENRICHED_SEPARATOR));
  if (start < 0) return [];
  const names: string[] = [];
  for (let at = start; at < keys.length; at++) {
    const name = at === start ? keys[at]?.slice(ENRICHED_SEPARATOR.length) : keys[at];
    if (name !== key) continue;
    const text = unquoteName(values[at] ?? "");
    names.push(text === "unset" || text === "unknown" || text.startsWith("unknown(") ? "" : text);
  }
  return names;
}

/** auditd quotes names and never writes them as hex. */
function unquoteName(value: string): string {
  return value.startsWith('"') ? unquote(value) : value;
}

/** Whom the event is about, by the names that auditd had for the numbers; "" where the records name the account, or nobody. */
function targetIn(actor: RecordWords, words: readonly RecordWords[]): string {
  const message = messageOf(actor);
  if (message === undefined) {
    const target = recordOf(words, RECORD.OBJ_PID);
    return target === undefined ? "" : nameIn(target, "OAUID") || nameIn(target, "OUID");
  }
  if (targetName(message) !== "") return "";
  const has = (key: string): boolean => message.keys.includes(key);
  const own = has("uid") ? namesIn(actor, "UID").slice(1) : [];
  const sent = has("suid") ? namesIn(actor, "SUID").slice(-1) : [];
  return [...namesIn(actor, "ID"), ...own, ...sent, ...namesIn(actor, "SAUID")].find((name) => name !== "") ?? "";
}

/** Fills in the names of the users, groups and owners that the log itself has. */
export function enrichedNames(event: Event, words: readonly RecordWords[]): void {
  const actor = words.find(({ type }) => type === RECORD.SYSCALL) ?? words[0];
  const { user } = event;
  if (actor !== undefined && user !== undefined) {
    user.targetName = targetIn(actor, words) || user.targetName;
    user.name = nameIn(actor, "UID");
    user.effectiveName = nameIn(actor, "EUID");
    user.auditName = nameIn(actor, "AUID");
    if (user.group !== undefined) user.group.name = nameIn(actor, "GID");
  }
  const paths = words.filter(({ type }) => type === RECORD.PATH);
  for (const file of event.files) {
    const record = paths.find(({ keys, values }) => values[keys.indexOf("item")] === String(file.item));
    if (record === undefined) continue;
    file.owner = nameIn(record, "OUID");
    file.group = nameIn(record, "OGID");
  }
}
