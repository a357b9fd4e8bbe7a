/** What a program tries along PATH, one folder after the other, is one thing to people: it did not find it there. */
import type { Event } from "@hosttrail/proto/event";

/** Something that failed with a name in one of many folders. */
export interface Attempt {
  /** Who tried what: attempts with the same text can be one. */
  key: string;
  timeMs: number;
  folder: string;
}

/** A line, and the folders of the attempts that it stands for; several where it is folded. */
export interface Folded<Item> {
  item: Item;
  folders: readonly string[];
}

const WITHIN_MS = 1000;
/** Lines that wait for others that belong to them. */
const WAITING_MAX = 256;
/** Folders that one line names. */
const FOLDERS_MAX = 64;

interface Waiting<Item> {
  item: Item;
  attempt: Attempt | undefined;
  folders: string[];
}

/** Folds attempts within a second, in either order of time; the order of lines is that of the first of each. */
export class Folder<Item> {
  readonly #attemptOf: (item: Item) => Attempt | undefined;
  readonly #waiting: Waiting<Item>[] = [];

  constructor(attemptOf: (item: Item) => Attempt | undefined) {
    this.#attemptOf = attemptOf;
  }

  /** Takes the next item; gives the lines to which nothing more can belong. */
  add(item: Item, timeMs: number): Folded<Item>[] {
    const attempt = this.#attemptOf(item);
    const line = attempt === undefined ? undefined : this.#lineOf(attempt);
    if (line === undefined)
      this.#waiting.push({ item, attempt, folders: attempt === undefined ? [] : [attempt.folder] });
    else line.folders.push(attempt?.folder ?? "");
    return this.#done((each) => Math.abs(timeMs - each.timeMs) > WITHIN_MS);
  }

  /** Gives all that waits. */
  flush(): Folded<Item>[] {
    return this.#done(() => true);
  }

  #lineOf({ key, timeMs, folder }: Attempt): Waiting<Item> | undefined {
    return this.#waiting.find(
      ({ attempt, folders }) =>
        attempt?.key === key &&
        Math.abs(timeMs - attempt.timeMs) <= WITHIN_MS &&
        folders.length < FOLDERS_MAX &&
        // The same folder again is another look along PATH.
        !folders.includes(folder),
    );
  }

  #done(isOver: (attempt: Attempt) => boolean): Folded<Item>[] {
    const done: Folded<Item>[] = [];
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const waits = first.attempt !== undefined && !isOver(first.attempt);
      if (waits && this.#waiting.length <= WAITING_MAX) break;
      this.#waiting.shift();
      done.push({ item: first.item, folders: first.folders });
    }
    return done;
  }
}

/** Calls by which programs look for others. */
const LOOKUPS: ReadonlySet<string> = new Set(["executed", "opened-file", "checked-metadata-of", "checked-access"]);
/** ENOENT and ENOTDIR: nothing is there. What is there and not allowed is never folded. */
const NOT_THERE: ReadonlySet<bigint> = new Set([-2n, -20n]);

/** An event as a look for a program in one folder; undefined where it is none. */
export function attemptOfEvent(event: Event): Attempt | undefined {
  const { event: info, process, host, files } = event;
  const path = files[0]?.path ?? "";
  if (info?.outcome !== "failure" || !LOOKUPS.has(info.action) || process === undefined) return undefined;
  if (!NOT_THERE.has(event.audit?.syscall?.exit ?? 0n)) return undefined;
  return attemptAt(
    path,
    [host?.id, process.entityId || process.pid, info.action].join("\0"),
    Number(info.timeUnixNano / 1_000_000n),
  );
}

/** Somebody looked for a path. */
export function attemptAt(path: string, who: string, timeMs: number): Attempt | undefined {
  const slash = path.lastIndexOf("/");
  if (slash < 0 || slash === path.length - 1) return undefined;
  return { key: `${who}\0${path.slice(slash + 1)}`, timeMs, folder: path.slice(0, slash) || "/" };
}

const FOLDERS_SHOWN = 4;

/** What a folded line looks for, and where it was not. */
export function foldedObject(path: string, folders: readonly string[]): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const more = folders.length > FOLDERS_SHOWN ? ", …" : "";
  return `${name} (not in ${folders.length} folders: ${folders.slice(0, FOLDERS_SHOWN).join(", ")}${more})`;
}
