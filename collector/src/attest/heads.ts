/**
 * Which heads of chains are to be put into the log: those that went further, and those that were stated last too long ago. A head never
 * goes back in the log: whoever shortens a chain in the database, or takes a host out of it, does not shorten what was logged.
 */
import { formatLogEntry, HEAD_RESTATED_MS, type HeadEntry, LogEntryError } from "@hosttrail/lib/logentry";
import type { HeadSource } from "./ports.ts";

/** An entry, and what is to be done once it is in the log. */
export interface NewEntry {
  bytes: Uint8Array;
  /** To be found again by; see LoggedNote. */
  noteId?: string;
  logged(): void;
}

/** A head as it was logged last. */
interface KnownHead {
  head: HeadEntry;
  /** Once for each head: that the database has less by now. */
  isTold: boolean;
}

type WentBack = (logged: HeadEntry, now: Pick<HeadEntry, "lastSeq" | "headerSha256"> | undefined) => void;

const PAGE = 500;
/** A head is stated again so long before it must be, since a turn may take a while. */
const EARLY_MS = 300_000;

export class Heads {
  readonly #known = new Map<string, KnownHead>();
  readonly #wentBack: WentBack;
  readonly #malformed: (what: string, error: LogEntryError) => void;

  /** `wentBack` is told of a chain that is shorter than it was, has another end, or is gone; `malformed` of what cannot be an entry. */
  constructor(wentBack: WentBack, malformed: (what: string, error: LogEntryError) => void) {
    this.#wentBack = wentBack;
    this.#malformed = malformed;
  }

  /** A head that the log has. */
  know(head: HeadEntry): void {
    this.#known.set(keyOf(head), { head, isTold: this.#known.get(keyOf(head))?.isTold ?? false });
  }

  /** Up to `entriesMax`, by host and epoch. What is left comes in the next turn, since the others are not due again then. */
  async gather(source: Pick<HeadSource, "listChains">, nowMs: number, entriesMax: number): Promise<NewEntry[]> {
    const due: HeadEntry[] = [];
    const seen = new Set<string>();
    let afterId = "";
    while (due.length < entriesMax) {
      const hosts = await source.listChains(afterId, PAGE);
      for (const { hostId, chains } of hosts) {
        for (const chain of chains.toSorted((a, b) => (a.epoch < b.epoch ? -1 : 1))) {
          const now: HeadEntry = { kind: "head", hostId, ...chain, timeMs: nowMs };
          seen.add(keyOf(now));
          due.push(...this.#dueOf(now, nowMs));
        }
      }
      const last = hosts.at(-1);
      if (last === undefined || hosts.length < PAGE) {
        due.push(...this.#goneOf(seen, nowMs));
        break;
      }
      afterId = last.hostId;
    }
    return due.slice(0, entriesMax).flatMap((head) => this.#entryOf(head));
  }

  /** None where the database has of it what no entry can say: one host must not keep all others out of the log. */
  #entryOf(head: HeadEntry): NewEntry[] {
    try {
      return [{ bytes: formatLogEntry(head), logged: () => this.know(head) }];
    } catch (error) {
      if (!(error instanceof LogEntryError)) throw error;
      this.#malformed(`the head of host ${head.hostId.slice(0, 64)}`, error);
      return [];
    }
  }

  #dueOf(now: HeadEntry, nowMs: number): HeadEntry[] {
    const known = this.#known.get(keyOf(now));
    if (known === undefined) return [now];
    const { head } = known;
    if (now.lastSeq > head.lastSeq) return [now];
    if (now.lastSeq < head.lastSeq || now.headerSha256 !== head.headerSha256) {
      this.#tell(known, now);
      return isDue(head, nowMs) ? [{ ...head, timeMs: nowMs }] : [];
    }
    return now.missing !== head.missing || isDue(head, nowMs) ? [now] : [];
  }

  /** Chains that the log has and the database has not any more. */
  #goneOf(seen: ReadonlySet<string>, nowMs: number): HeadEntry[] {
    return [...this.#known].flatMap(([key, known]) => {
      if (seen.has(key)) return [];
      this.#tell(known, undefined);
      return isDue(known.head, nowMs) ? [{ ...known.head, timeMs: nowMs }] : [];
    });
  }

  #tell(known: KnownHead, now: HeadEntry | undefined): void {
    if (known.isTold) return;
    known.isTold = true;
    this.#wentBack(known.head, now);
  }
}

function isDue({ timeMs }: HeadEntry, nowMs: number): boolean {
  return nowMs - timeMs >= HEAD_RESTATED_MS - EARLY_MS;
}

function keyOf({ hostId, epoch }: Pick<HeadEntry, "hostId" | "epoch">): string {
  return `${hostId}-${epoch.toString(16)}`;
}
