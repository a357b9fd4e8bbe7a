/** What is due next: a binary heap by time, and by chance among what is due at the same time. */

export interface Due {
  timeMs: number;
  /** Drawn when it was put in. */
  lot: number;
}

export class DueQueue<Item extends Due> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, items[above] as Item)) break;
      items[at] = items[above] as Item;
      at = above;
    }
    items[at] = item;
  }

  take(): Item | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && isBefore(items[below + 1] as Item, items[below] as Item)) below++;
      if (!isBefore(items[below] as Item, last)) break;
      items[at] = items[below] as Item;
      at = below;
    }
    items[at] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.lot < b.lot);
}
