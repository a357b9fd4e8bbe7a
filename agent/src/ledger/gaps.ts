/** Serials that never came: what was lost before us, also where the kernel does not count it. */
import { RECORD } from "@hosttrail/lib/audit";
import type { RawRecord, Stamp } from "../model/index.ts";

/** Events overtake each other between the kernel's processors by far less than this. */
const LATE_MAX = 65_536;
/** A serial below the last one whose stamp is so much newer than all others is another boot's, too: none takes less. */
const BOOT_SECONDS = 5;
/** A wrap is believed where so few serials at most went missing by it; else a serial below the last one is another boot's. */
const WRAP_MAX = 2 ** 24;
/** Gaps that are remembered, the newest: a serial of theirs that comes late is missing no more. */
const GAPS_MAX = 1024;
/** Nodes whose serials are counted, where a log has several hosts' records. */
const NODES_MAX = 1000;
/** auditd stamps its own records itself, from a number that it draws: no serials of the kernel. */
const DAEMON_FIRST = 1200;
const DAEMON_LAST = 1299;

/** Serials in a row that did not come, `length` of them. */
interface Gap {
  from: number;
  length: number;
}

/** Counts what is missing among the serials of a source. They are u32, wrap, and begin anew at each boot. */
export class SerialGaps {
  readonly #nodes = new Map<string, NodeGaps>();
  #missing = 0;
  /** The node of the record before: nearly always this one's, too. */
  #last: NodeGaps | undefined;
  #lastNode = "";

  /** Serials that are missing. */
  get missing(): number {
    return this.#missing;
  }

  /** Takes a record that came. Where an event's end came alone, the event is missing. */
  seeRecord(record: Pick<RawRecord, "type" | keyof Stamp>): void {
    const { type } = record;
    if (type === RECORD.EOE || (type >= DAEMON_FIRST && type <= DAEMON_LAST)) return;
    this.see(record);
  }

  /** Takes the stamp of an event, or of a part of it. */
  see(stamp: Stamp): void {
    if (this.#last === undefined || this.#lastNode !== stamp.node) this.#turnTo(stamp.node);
    this.#missing += this.#last?.see(stamp) ?? 0;
  }

  #turnTo(node: string): void {
    let gaps = this.#nodes.get(node);
    if (gaps === undefined) {
      const [oldest] = this.#nodes.keys();
      if (this.#nodes.size >= NODES_MAX && oldest !== undefined) this.#nodes.delete(oldest);
      gaps = new NodeGaps();
      this.#nodes.set(node, gaps);
    }
    this.#last = gaps;
    this.#lastNode = node;
  }
}

/** The same for one node. */
class NodeGaps {
  #next = -1;
  /** Seconds of the newest stamp. */
  #newest = 0;
  /** From old to new, so that their serials ascend on the circle of 2^32. */
  readonly #gaps: Gap[] = [];

  /** How many more are missing than before: less than none where one of them has come. */
  see({ serial, seconds }: Stamp): number {
    const next = this.#next;
    // The distance on the circle of 2^32, so that a wrap is a step like any other.
    const ahead = (serial - next) | 0;
    // Most records are of the same event as the one before.
    if (ahead === -1 && next >= 0) return 0;
    // A call that waited for long has an old stamp, and an old serial where one of its records went before; a boot's are new.
    const newer = seconds - this.#newest;
    if (newer > 0) this.#newest = seconds;
    const isBelow = ahead < 0 || (serial < next && ahead > WRAP_MAX);
    if (next < 0 || (isBelow && newer > (ahead < 0 && ahead >= -LATE_MAX ? BOOT_SECONDS : 0))) {
      this.#gaps.length = 0;
      this.#next = (serial + 1) >>> 0;
      return 0;
    }
    if (isBelow) return this.#find(serial) ? -1 : 0;
    if (ahead > 0) this.#remember({ from: next, length: ahead });
    this.#next = (serial + 1) >>> 0;
    return ahead;
  }

  #remember(gap: Gap): void {
    if (this.#gaps.length >= GAPS_MAX) this.#gaps.shift();
    this.#gaps.push(gap);
  }

  /** Takes a serial that came late out of its gap; false where it was not missing. */
  #find(serial: number): boolean {
    for (let at = this.#gaps.length - 1; at >= 0; at--) {
      const { from, length } = this.#gaps[at] ?? { from: 0, length: 0 };
      const offset = (serial - from) | 0;
      if (offset >= length) return false;
      if (offset < 0) continue;
      const rest = { from: (serial + 1) >>> 0, length: length - offset - 1 };
      this.#gaps.splice(at, 1, ...[{ from, length: offset }, rest].filter((part) => part.length > 0));
      if (this.#gaps.length > GAPS_MAX) this.#gaps.shift();
      return true;
    }
    return false;
  }
}
