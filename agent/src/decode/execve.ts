/** EXECVE: the argument list, which the kernel splits where it is long. */
import { RECORD, type RecordWords, unquote } from "@hosttrail/lib/audit";

/** Arguments that one event may have: the bound against a record that claims more than it brings. */
const ARGUMENTS_MAX = 65_536;

const NO_ARGUMENTS: { args: string[]; count: number } = { args: [], count: 0 };

/**
 * Joins the arguments of an event's EXECVE records, which may come in any order. A missing argument (old
 * kernels leave empty ones out) is an empty string, so that the others keep their places.
 */
export function decodeArguments(records: readonly RecordWords[]): { args: string[]; count: number } {
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

function joinArguments(records: readonly RecordWords[]): { args: string[]; count: number } {
  const whole = new Map<number, string>();
  const fragments = new Map<number, Map<number, string>>();
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
      const match = /^a(\d{1,5})(?:\[(\d{1,6})\])?$/.exec(key);
      if (match === null) continue;
      const index = Number(match[1]);
      if (index >= ARGUMENTS_MAX) continue;
      highest = Math.max(highest, index);
      if (match[2] === undefined) whole.set(index, unquote(value));
      else {
        const parts = fragments.get(index) ?? new Map<number, string>();
        parts.set(Number(match[2]), value);
        fragments.set(index, parts);
      }
    }
  }
  for (const [index, parts] of fragments) whole.set(index, joinFragments(parts));
  const length = Math.min(Math.max(count, highest + 1), ARGUMENTS_MAX, Math.max(highest + 1, 4096));
  return { args: Array.from({ length }, (_, index) => whole.get(index) ?? ""), count };
}

/** The fragments of one argument are all hex or all quoted. */
function joinFragments(parts: ReadonlyMap<number, string>): string {
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, value]) => value);
  if (ordered.every((part) => part.startsWith('"'))) return ordered.map((part) => unquote(part)).join("");
  return unquote(ordered.join(""));
}
