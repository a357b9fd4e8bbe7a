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
  /** Events on their way to the spool, in the order in which they will be there. */
  #pending: Entry[] = [];
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
  add(key: EventKey, position: number): void {
    this.#pending.push({ timeMs: key.timeMs, serial: key.serial, position });
  }

  /**
   * The first `count` events on their way are in the spool. Returns what can be committed: `open` is where the source goes
   * on, or where its oldest record that still waits for others begins.
   */
  spooled(count: number, open: number): { position: number; beyond: EventKey[] } {
    const done = this.#pending.splice(0, count);
    let position = open;
    for (const entry of this.#pending) position = Math.min(position, entry.position);
    this.#beyond = [...this.#beyond, ...done].filter((entry) => entry.position >= position);
    return { position, beyond: this.#beyond };
  }
}

function nameOf({ timeMs, serial }: EventKey): string {
  return `${timeMs}:${serial}`;
}
