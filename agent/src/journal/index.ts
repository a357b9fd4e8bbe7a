/**
 * Which events are on disk: so that after a crash the source gives again what was not, and nothing else.
 *
 * Records wait in the source (a ring that outlives the process) until they are committed. An event may be spooled while an
 * earlier one still waits for its records, so a commit is a position and the events after it that are spooled all the same.
 */

/** What tells an event from all others of one boot. */
export interface EventKey {
  timeMs: number;
  serial: number;
}

interface Entry extends EventKey {
  position: number;
}

export class Journal {
  /** Events on their way to the spool, by the way that they go, in the order in which they will be there. */
  readonly #pending = new Map<string, Entry[]>();
  /** Spooled events that a commit does not cover yet. */
  #beyond: Entry[] = [];
  /** Events that an earlier life spooled and the source may give again. */
  readonly #known: Set<string>;

  constructor(known: Iterable<EventKey>) {
    this.#known = new Set(Array.from(known, nameOf));
  }

  /** True, once, for an event that an earlier life has spooled. */
  isKnown(key: EventKey): boolean {
    return this.#known.size > 0 && this.#known.delete(nameOf(key));
  }

  /** An event is on its way; `position` is where its first record begins. */
  add(key: EventKey, position: number, way: string): void {
    const entry = { timeMs: key.timeMs, serial: key.serial, position };
    const pending = this.#pending.get(way);
    if (pending === undefined) this.#pending.set(way, [entry]);
    else pending.push(entry);
  }

  /** An event of the agent's own, which no source can give again. */
  addOwn(way: string): void {
    this.add({ timeMs: 0, serial: 0 }, Number.POSITIVE_INFINITY, way);
  }

  /**
   * The first `count` events of one way are in the spool. Returns what can be committed: `open` is where the source goes
   * on, or where its oldest record that still waits for others begins.
   */
  spooled(count: number, open: number, way: string): { position: number; beyond: EventKey[] } {
    const done = this.#pending.get(way)?.splice(0, count) ?? [];
    let position = open;
    for (const pending of this.#pending.values()) {
      for (const entry of pending) position = Math.min(position, entry.position);
    }
    this.#beyond = [...this.#beyond, ...done].filter(
      (entry) => entry.position >= position && entry.position < Number.POSITIVE_INFINITY,
    );
    return { position, beyond: this.#beyond };
  }
}

function nameOf({ timeMs, serial }: EventKey): string {
  return `${timeMs}:${serial}`;
}
