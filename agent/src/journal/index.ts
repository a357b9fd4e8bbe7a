/**
 * Which events are on disk: so that after a crash the source gives again what was not, and nothing else.
 *
 * Records wait in the source (a ring that outlives the process) until they are committed. An event may be spooled while an
 * earlier one still waits for its records, so a commit is a position and the events after it that are spooled all the same. Records of
 * different events interleave: of an event that begins before the position, some may be after it, and come again without the others.
 */

/** What tells an event from all others of one boot. */
export interface EventKey {
  timeMs: number;
  serial: number;
}

/** Where the records of an event begin in the source: the first one, and the last one. */
export interface Stretch {
  first: number;
  last: number;
}

interface Entry extends EventKey {
  last: number;
}

const FIRST_ENTRIES = 2048;
/** Spooled events beyond a commit that a source can remember. */
export const BEYOND_MAX = 16_000;

/** Of an event that no source gives. */
const NOWHERE: Stretch = { first: Number.POSITIVE_INFINITY, last: Number.POSITIVE_INFINITY };

/** Entries first in, first out, as columns of numbers: thousands of objects that live for a moment would grow the heap. */
class Entries {
  #times = new Float64Array(FIRST_ENTRIES);
  #serials = new Uint32Array(FIRST_ENTRIES);
  #firsts = new Float64Array(FIRST_ENTRIES);
  #lasts = new Float64Array(FIRST_ENTRIES);
  #count = 0;

  push(timeMs: number, serial: number, { first, last }: Stretch): void {
    const at = this.#count++;
    if (at === this.#times.length) this.#resize(at * 2);
    this.#times[at] = timeMs;
    this.#serials[at] = serial;
    this.#firsts[at] = first;
    this.#lasts[at] = last;
  }

  /** Where the first record of any of them begins, infinite where there is none. */
  get oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#count; at++) oldest = Math.min(oldest, this.#firsts[at] as number);
    return oldest;
  }

  /** Takes the first `count` out. */
  take(count: number): Entry[] {
    const taken = Math.min(count, this.#count);
    const entries = Array.from({ length: taken }, (_, at) => ({
      timeMs: this.#times[at] as number,
      serial: this.#serials[at] as number,
      last: this.#lasts[at] as number,
    }));
    for (const column of [this.#times, this.#serials, this.#firsts, this.#lasts])
      column.copyWithin(0, taken, this.#count);
    this.#count -= taken;
    // After a disk that took nothing for a while there may be room for very many.
    if (this.#count <= FIRST_ENTRIES && this.#times.length > FIRST_ENTRIES * 4) this.#resize(FIRST_ENTRIES);
    return entries;
  }

  #resize(length: number): void {
    const grown = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
      to.set(from.subarray(0, this.#count));
      return to;
    };
    this.#times = grown(this.#times, new Float64Array(length));
    this.#serials = grown(this.#serials, new Uint32Array(length));
    this.#firsts = grown(this.#firsts, new Float64Array(length));
    this.#lasts = grown(this.#lasts, new Float64Array(length));
  }
}

export class Journal {
  /** Events on their way to the spool, by the way that they go, in the order in which they will be there. */
  readonly #pending = new Map<string, Entries>();
  /** Spooled events that a commit does not cover yet, also of earlier lives. */
  #beyond: Entry[] = [];
  /** Events that an earlier life spooled and the source may give again, by name. */
  readonly #known: Map<string, EventKey>;
  readonly #readBeforeTo: number;

  /** `readBeforeTo`: what begins there or later in the source no earlier life has read. */
  constructor(known: Iterable<EventKey>, readBeforeTo: number) {
    this.#known = new Map(Array.from(known, (key) => [nameOf(key), key]));
    this.#readBeforeTo = readBeforeTo;
  }

  /** True, once, for an event that an earlier life has spooled. It stays spooled for the next life, too, until a commit covers it. */
  isKnown(key: EventKey, { last }: Stretch): boolean {
    if (this.#known.size === 0 || !this.#known.delete(nameOf(key))) return false;
    this.#beyond.push({ ...key, last });
    return true;
  }

  /** An event is on its way. */
  add(key: EventKey, records: Stretch, way: string): void {
    let pending = this.#pending.get(way);
    if (pending === undefined) this.#pending.set(way, (pending = new Entries()));
    pending.push(key.timeMs, key.serial, records);
  }

  /** An event of the agent's own, which no source can give again. */
  addOwn(way: string): void {
    this.add({ timeMs: 0, serial: 0 }, NOWHERE, way);
  }

  /**
   * The first `count` events of one way are in the spool. Returns what can be committed: `open` is where the source goes
   * on, or where its oldest record that still waits for others begins.
   */
  spooled(count: number, open: number, way: string): { position: number; beyond: EventKey[] } {
    const done = this.#pending.get(way)?.take(count) ?? [];
    let position = open;
    for (const pending of this.#pending.values()) position = Math.min(position, pending.oldest);
    this.#beyond = [...this.#beyond, ...done].filter(
      (entry) => entry.last >= position && entry.last < Number.POSITIVE_INFINITY,
    );
    // Not by the events' times: a clock may have been set back between them.
    if (open >= this.#readBeforeTo) this.#known.clear();
    if (this.#known.size === 0) return { position, beyond: this.#beyond };
    // The source has not come to these again: only their names are known.
    const unseen = [...this.#known.values()].slice(0, Math.max(0, BEYOND_MAX - this.#beyond.length));
    return { position, beyond: [...this.#beyond, ...unseen] };
  }
}

function nameOf({ timeMs, serial }: EventKey): string {
  return `${timeMs}:${serial}`;
}
