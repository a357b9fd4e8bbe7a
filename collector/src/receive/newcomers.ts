/** Which collectors take agents, as far as they say so; and who of them is new. */

/** How often a collector says that it is there, and how long it is believed. */
export const WORD_INTERVAL_MS = 5000;
const BELIEVED_MS = 20_000;
/** Collectors that are known at once, at most; more are not counted. */
const KNOWN_MAX = 1024;

export class Newcomers {
  readonly #ownId: string;
  readonly #beganMs: number;
  /** When each of the others said it last, milliseconds of a monotonic clock. */
  readonly #heard = new Map<string, number>();

  /** `nowMs` is of a monotonic clock, as in all calls. */
  constructor(ownId: string, nowMs: number) {
    this.#ownId = ownId;
    this.#beganMs = nowMs;
  }

  /**
   * Somebody said that it is there, and for how long, in milliseconds. The part of our agents that is asked to look for another collector for
   * its sake: 0 where it is known, or where it was there before us and we have not been here for long enough to have heard it.
   */
  hear(id: string, ageMs: number, nowMs: number): number {
    if (id === this.#ownId) return 0;
    for (const [other, heardMs] of this.#heard) if (nowMs - heardMs > BELIEVED_MS) this.#heard.delete(other);
    const isKnown = this.#heard.has(id);
    if (!isKnown && this.#heard.size >= KNOWN_MAX) return 0;
    this.#heard.set(id, nowMs);
    const ownAgeMs = nowMs - this.#beganMs;
    if (isKnown || (ageMs >= ownAgeMs && ownAgeMs < 2 * WORD_INTERVAL_MS)) return 0;
    // Those who are asked choose among all of us, so that some come back.
    return 1 / this.#heard.size;
  }
}
