/** Secrets in a record's words: the event is made of what is left. */
import { messageWords, quote, RECORD, type RecordWords, unquote } from "@hosttrail/lib/audit";

/** What finds and replaces secrets; each gives the same value where there is none. */
export interface Replace {
  args: (args: readonly string[]) => readonly string[];
  command: (text: string) => string;
  /** What a person typed, key by key. */
  typed: (text: string) => string;
  text: (text: string) => string;
}

/** Fields that hold paths, names or what was typed. */
const TEXT_KEYS = new Set(["name", "cwd", "exe", "path", "dir", "file", "comm", "ocomm", "vm"]);

/** Puts the redacted arguments into the EXECVE records; a split argument goes into its first fragment. */
export function replaceArguments(
  records: readonly RecordWords[],
  args: readonly string[],
  redacted: readonly string[],
): void {
  for (const { type, keys, values } of records) {
    if (type !== RECORD.EXECVE) continue;
    for (const [at, key] of keys.entries()) {
      const match = /^a(\d{1,5})(?:\[(\d{1,6})\])?$/.exec(key);
      if (match === null) continue;
      const index = Number(match[1]);
      const text = redacted[index];
      if (text === undefined || text === args[index]) continue;
      values[at] = match[2] === undefined || match[2] === "0" ? quote(text) : "";
    }
  }
}

/** Replaces secrets in a record that is no EXECVE, in place. */
export function replaceInRecord(record: RecordWords, replace: Replace): void {
  const { type, keys, values } = record;
  if (type === RECORD.PROCTITLE) {
    replaceValue(record, "proctitle", (title) => redactTitle(title, replace));
    return;
  }
  if (type < 1300 || type >= 2100) {
    // Some user messages have such fields outside of msg: what a person typed is the data of USER_TTY.
    replaceInFields(record, replace);
    replaceInMessage(record, replace);
    return;
  }
  for (let at = 0; at < keys.length; at++) {
    if (!TEXT_KEYS.has(keys[at] ?? "")) continue;
    const value = values[at] ?? "";
    const text = unquote(value);
    const redacted = replace.text(text);
    if (redacted !== text) values[at] = quote(redacted);
  }
  if (type === TTY) replaceValue(record, "data", (text) => replace.typed(text));
}

const TTY = 1319;
/** Of a message, the fields that a person chose. */
const MESSAGE_KEYS = ["cmd", "data", "cwd", "exe", "name", "path", "sw", "unit"];

/** A title is the argument list, NUL between: mostly whole, so that its flags can be understood. */
function redactTitle(title: string, replace: Replace): string {
  const args = title.split("\0");
  // A program that set its own title wrote one text.
  if (args.length === 1) return replace.command(title);
  const redacted = replace.args(args);
  return redacted === args ? title : redacted.join("\0");
}

function replaceValue({ keys, values }: RecordWords, key: string, change: (text: string) => string): boolean {
  const at = keys.indexOf(key);
  if (at < 0) return false;
  const text = unquote(values[at] ?? "");
  const redacted = change(text);
  if (redacted === text) return false;
  values[at] = quote(redacted);
  return true;
}

/** msg='cwd="/" cmd=6C73 terminal=pts/0 res=success' */
function replaceInMessage(record: RecordWords, replace: Replace): void {
  const at = record.keys.indexOf("msg");
  const message = messageWords(record);
  if (message === undefined) return;
  if (!replaceInFields(message, replace)) return;
  const words = message.keys.map((key, index) => (key === "" ? "" : `${key}=`) + (message.values[index] ?? ""));
  record.values[at] = `'${words.join(" ")}'`;
}

/** True where something was replaced. */
function replaceInFields(record: RecordWords, replace: Replace): boolean {
  let changed = false;
  for (const key of MESSAGE_KEYS) {
    const change = key === "cmd" ? replace.command : key === "data" ? replace.typed : replace.text;
    changed = replaceValue(record, key, (text) => change(text)) || changed;
  }
  return changed;
}
