/**
 * File integrity: for watched paths, what a file was before an event and what it is after it, within the event that names
 * who did it and with which program.
 *
 * The kernel tells of a file when it is opened; it is written to later. So an event about a watched file is held for a moment,
 * and longer while its process still has the file open, up to a bound; then the file is looked at and the event goes on.
 */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { hashFile, insideRoot } from "@hosttrail/lib/files";
import type { Event, File, FileState } from "@hosttrail/proto/event";

export interface IntegrityOptions {
  /** Files, and folders with all that is in them. Absolute, without a slash at the end. */
  paths: readonly string[];
  /** Where the host's root is seen from here; empty, as where it is not given, for our own. */
  root?: string;
  /** Larger files have no hash. */
  bytesMax: number;
  /** Milliseconds that an event waits for its file to be written. */
  settleMs: number;
}

/** Files that are known at once, and events that are held at once. */
const KNOWN_MAX = 20_000;
const HELD_MAX = 512;
/** Times that an event waits again while the file is open. */
const TRIES_MAX = 20;
const DESCRIPTORS_MAX = 256;
/** Milliseconds of learning at once, and of rest between: a fifth of one CPU until all is known. */
const LEARN_MS = 20;
const LEARN_REST_MS = 80;
const GONE: FileState = { exists: false, size: 0n, mode: 0, uid: 0, gid: 0, sha256: "" };

interface Held<Item> {
  item: Item;
  event: Event;
  files: File[];
  dueMs: number;
  tries: number;
  /** Where its first record begins in the source. */
  position: number;
}

/** Holds events about watched files, and lets each go with what the file was and is. */
export class Integrity<Item> {
  readonly #options: IntegrityOptions;
  readonly #root: string;
  readonly #release: (item: Item) => void;
  readonly #known = new Map<string, FileState>();
  #unlearned: string[];
  #held: Held<Item>[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Events that were not held since too many were: they have no states. */
  skipped = 0;

  constructor(options: IntegrityOptions, release: (item: Item) => void) {
    this.#options = options;
    this.#root = options.root ?? "";
    this.#release = release;
    this.#unlearned = [...options.paths];
    this.#learn();
  }

  /** Paths that are still to be looked at for the first time; folders among them have more. */
  get unlearned(): number {
    return this.#unlearned.length;
  }

  /** Events that are held. */
  get held(): number {
    return this.#held.length;
  }

  /** Where the oldest record of a held event begins; undefined for none. */
  get oldestPosition(): number | undefined {
    return this.#held.reduce<number | undefined>(
      (oldest, { position }) => (oldest === undefined || position < oldest ? position : oldest),
      undefined,
    );
  }

  /** True where the event is held and comes back by `release`. */
  holds(event: Event, item: Item, position: number, nowMs: number): boolean {
    const files = this.#watched(event);
    if (files.length === 0) return false;
    if (this.#held.length >= HELD_MAX) {
      this.skipped++;
      return false;
    }
    this.#held.push({ item, event, files, dueMs: nowMs + this.#options.settleMs, tries: 0, position });
    this.#timer ??= setTimeout(() => this.#look(performance.now()), this.#options.settleMs);
    return true;
  }

  /** True for an event that changed what is watched: then each such event may find something else. */
  concerns(event: Event): boolean {
    return this.#watched(event).length > 0;
  }

  /** The watched files that the event has changed. */
  #watched(event: Event): File[] {
    if (this.#options.paths.length === 0 || event.files.length === 0 || !isChange(event)) return [];
    return event.files.filter(({ path, nametype }) => nametype !== "PARENT" && this.#isWatched(path));
  }

  #isWatched(path: string): boolean {
    return this.#options.paths.some((watched) => path === watched || path.startsWith(`${watched}/`));
  }

  #look(nowMs: number): void {
    this.#timer = undefined;
    const due = this.#held.filter(({ dueMs }) => dueMs <= nowMs + 1);
    for (const held of due) {
      const pid = held.event.process?.pid ?? 0;
      if (held.tries < TRIES_MAX && held.files.some(({ path }) => isOpen(pid, path))) {
        held.tries++;
        held.dueMs = nowMs + this.#options.settleMs;
      } else this.#finish(held);
    }
    this.#held = this.#held.filter((held) => held.dueMs > nowMs + 1);
    if (this.#held.length > 0) this.#timer = setTimeout(() => this.#look(performance.now()), this.#options.settleMs);
  }

  #finish({ item, event, files }: Held<Item>): void {
    for (const named of files) {
      // Files are shared by events: this one gets its own.
      const file = { ...named };
      event.files[event.files.indexOf(named)] = file;
      const before = this.#known.get(file.path) ?? (file.nametype === "CREATE" ? GONE : undefined);
      const after = this.#stateOf(file.path);
      this.#remember(file.path, after);
      file.before = before;
      file.after = after;
    }
    this.#release(item);
  }

  /** Lets all go, with the files as they are now: at the end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#held;
    this.#held = [];
    for (const each of held) this.#finish(each);
  }

  #remember(path: string, state: FileState): void {
    if (!state.exists) this.#known.delete(path);
    else if (this.#known.size < KNOWN_MAX || this.#known.has(path)) this.#known.set(path, state);
  }

  /** Looks at what is watched for the first time, a little at once: a large folder must not keep the agent from reading. */
  #learn(): void {
    for (const end = performance.now() + LEARN_MS; performance.now() < end; ) {
      const path = this.#unlearned.pop();
      if (path === undefined || this.#known.size >= KNOWN_MAX) {
        this.#unlearned = [];
        return;
      }
      this.#learnOne(path);
    }
    setTimeout(() => this.#learn(), LEARN_REST_MS).unref();
  }

  #learnOne(path: string): void {
    // An event was quicker, and has it as it is now.
    const state = this.#known.get(path) ?? this.#stateOf(path);
    this.#remember(path, state);
    if (!isFolder(state)) return;
    try {
      for (const name of readdirSync(insideRoot(this.#root, path))) this.#unlearned.push(join(path, name));
    } catch {
      // Gone meanwhile, or not ours to read: an event will tell.
    }
  }

  #stateOf(named: string): FileState {
    try {
      const path = insideRoot(this.#root, named, false);
      const stat = lstatSync(path, { bigint: true });
      const state = {
        exists: true,
        size: stat.size,
        mode: Number(stat.mode),
        uid: Number(stat.uid),
        gid: Number(stat.gid),
      };
      const isMeant = ({ ino }: BigIntStats): boolean => ino === stat.ino;
      const read = hashFile(path, { link: false, bytesMax: this.#options.bytesMax, isMeant });
      return { ...state, sha256: read?.sha256 ?? "" };
    } catch {
      return GONE;
    }
  }
}

const CHANGES = new Set(["creation", "deletion", "change"]);

function isChange({ event }: Event): boolean {
  return (
    event?.outcome === "success" && event.category.includes("file") && event.type.some((type) => CHANGES.has(type))
  );
}

function isFolder({ mode }: FileState): boolean {
  return (mode & 0o170000) === 0o040000;
}

/** True while the process has the file open. */
function isOpen(pid: number, path: string): boolean {
  if (pid === 0) return false;
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder)
      .slice(0, DESCRIPTORS_MAX)
      .some((name) => linkOf(`${folder}/${name}`) === path);
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
