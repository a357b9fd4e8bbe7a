/** EXECVE: the argument list, which the kernel splits where it is long. */
import { RECORD, type RecordWords, unquote } from "@hosttrail/lib/audit";

/** Arguments that one event may have: the bound against a record that claims more than it brings. */
const ARGUMENTS_MAX = 65_536;

export interface Arguments {
  args: string[];
  count: number;
  /** True where a part of an argument did not come: its place is marked in it. */
  isCut?: boolean;
}

const NO_ARGUMENTS: Arguments = { args: [], count: 0 };
/** Stands for fragments that did not come. */
const GAP = "…";

/**
 * Joins the arguments of an event's EXECVE records, which may come in any order. A missing argument (old
 * kernels leave empty ones out) is an empty string, so that the others keep their places.
 */
export function decodeArguments(records: readonly RecordWords[]): Arguments {
  let first: RecordWords | undefined;
  let several = false;
  for (const record of records) {
    if (record.type !== RECORD.EXECVE) continue;
    if (first === undefined) first = record;
    else several = true;
  }
  if (first === undefined) return NO_ARGUMENTS;
  if (several || first.memo === undefined) return joinArguments(records);
  first.memo.args ??= joinArguments(records);
  return first.memo.args;
}

/** The fragments of one argument, and its whole length, as far as they came. */
interface Split {
  parts: Map<number, string>;
  /** Characters of all fragments together; undefined where the record with it did not come. */
  length: number | undefined;
}

function joinArguments(records: readonly RecordWords[]): Arguments {
  const whole = new Map<number, string>();
  const splits = new Map<number, Split>();
  let count = 0;
  let highest = -1;
  for (const { type, keys, values } of records) {
    if (type !== RECORD.EXECVE) continue;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] ?? "";
      const value = values[at] ?? "";
      if (key === "argc") {
        count = Number.parseInt(value, 10) || 0;
        continue;
      }
      const match = /^a(\d{1,5})(?:\[(\d{1,6})\]|(_len))?$/.exec(key);
      if (match === null) continue;
      const index = Number(match[1]);
      if (index >= ARGUMENTS_MAX) continue;
      highest = Math.max(highest, index);
      if (match[2] === undefined && match[3] === undefined) {
        whole.set(index, unquote(value));
        continue;
      }
      const split = splits.get(index) ?? { parts: new Map<number, string>(), length: undefined };
      splits.set(index, split);
      if (match[2] !== undefined) split.parts.set(Number(match[2]), value);
      else if (/^\d{1,9}$/.test(value)) split.length = Number(value);
    }
  }
  let isCut = false;
  for (const [index, split] of splits) {
    const joined = joinFragments(split);
    whole.set(index, joined.text);
    isCut ||= joined.isCut;
  }
  const length = Math.min(Math.max(count, highest + 1), ARGUMENTS_MAX, Math.max(highest + 1, 4096));
  const args = Array.from({ length }, (_, index) => whole.get(index) ?? "");
  return isCut ? { args, count, isCut } : { args, count };
}

/** The fragments of one argument are all hex or all quoted. Those that follow each other are read together: a cut may be inside of a character. */
function joinFragments({ parts, length }: Split): { text: string; isCut: boolean } {
  const ordered = [...parts].sort(([a], [b]) => a - b);
  const isQuoted = ordered.every(([, value]) => value.startsWith('"'));
  let came = 0;
  let text = "";
  let run = "";
  let next = 0;
  let isCut = false;
  for (const [number, value] of ordered) {
    const part = isQuoted ? unquote(value) : value;
    if (number !== next) {
      text += `${isQuoted ? run : unquote(run)}${GAP}`;
      run = "";
      isCut = true;
    }
    run += part;
    came += part.length;
    next = number + 1;
  }
  text += isQuoted ? run : unquote(run);
  // What is missing at the end only the length tells.
  if (isCut || length === undefined || came >= length) return { text, isCut };
  return { text: `${text}${GAP}`, isCut: true };
}
