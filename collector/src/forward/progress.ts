/** What was forwarded to a target of each place, as it is written down: in parts, so that little is written where little has changed. */
import type { Place } from "../model/index.ts";
import type { ForwardStore } from "./ports.ts";
import { joined, type Trails, trailsFrom, trailsText } from "./trails.ts";

/** Places that are in memory at once; the one that was used least recently goes. */
const PLACES_MAX = 3;

export class Progress {
  readonly #store: ForwardStore;
  readonly #target: string;
  readonly #known = new Map<Place, Trails>();

  /** For who alone forwards to this target now. */
  constructor(store: ForwardStore, target: string) {
    this.#store = store;
    this.#target = target;
  }

  async done(place: Place): Promise<Trails> {
    const known = this.#known.get(place);
    if (known !== undefined) {
      this.#keep(place, known);
      return known;
    }
    const parts = await this.#store.getDone(this.#target, place);
    const trails = joined(...Array.from(parts.values(), trailsFrom));
    this.#keep(place, trails);
    return trails;
  }

  /** All of these events were forwarded. What is written down already stays. */
  async note(place: Place, forwarded: Trails): Promise<void> {
    const done = await this.done(place);
    const parts = Map.groupBy(forwarded, ([trail]) => partOf(trail));
    for (const [part, trails] of parts)
      await this.#store.changeDone(this.#target, place, part, (text) =>
        trailsText(joined(trailsFrom(text), new Map(trails))),
      );
    this.#keep(place, joined(done, forwarded));
  }

  /** Forgets places that are gone. */
  async forget(isGone: (place: Place) => boolean): Promise<void> {
    for (const place of await this.#store.listDone(this.#target)) {
      if (!isGone(place)) continue;
      this.#known.delete(place);
      await this.#store.removeDone(this.#target, place);
    }
  }

  #keep(place: Place, trails: Trails): void {
    this.#known.delete(place);
    this.#known.set(place, trails);
    const [oldest] = this.#known.keys();
    if (this.#known.size > PLACES_MAX && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** One of sixteen, by the first digit of the host. */
function partOf(trail: string): string {
  return trail.slice(0, 1);
}
