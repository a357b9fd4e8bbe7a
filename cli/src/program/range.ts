/** What --since, --until and --last say. */
import { parseDuration, parseTime } from "../time.ts";
import { UsageError } from "./command.ts";
import type { RangeOptions } from "./options.ts";

/** The same by --since and --until alone. */
export function sinceOf({ since, until, last }: RangeOptions): {
  since: string | undefined;
  until: string | undefined;
} {
  if (last === undefined) return { since, until };
  try {
    parseDuration("--last", last);
    return { since: last, until };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : last, { cause: error });
  }
}

/** Throws where a range has nothing in it; where it begins at a host's start, only the collector can tell. */
export function checkRange({ since, until }: { since: string | undefined; until: string | undefined }): void {
  if (since === undefined || until === undefined || [since, until].some((text) => text.trim() === "boot")) return;
  const nowMs = Date.now();
  const [from, to] = [parseTime(since, nowMs), parseTime(until, nowMs)];
  if (from.seconds < to.seconds || (from.seconds === to.seconds && from.nanos < to.nanos)) return;
  throw new UsageError(`nothing is between --since ${since} and --until ${until}: the first must be earlier`);
}
