/** Random inputs that can be made again from a number, by changing real ones. */

/** xorshift32: small, fast and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 0x9e3779b9;
    for (let turn = 0; turn < 4; turn++) this.next(1);
  }

  /** 0 to `bound` - 1. */
  next(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.next(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}

const ROUNDS_MAX = 4;
const LENGTH_MAX = 20_000;

/** A text made of seeds: cut, joined, repeated, with tokens put in and bytes changed. Latin-1. */
export function mutate(random: Random, seeds: readonly string[], tokens: readonly string[]): string {
  let text = random.pick(seeds);
  for (let round = random.next(ROUNDS_MAX + 1); round > 0; round--) {
    const at = random.next(text.length + 1);
    const end = at + random.next(Math.min(text.length - at, 64) + 1);
    switch (random.next(8)) {
      case 0:
        text = text.slice(0, at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 2:
        text = text.slice(0, at) + random.pick(tokens) + text.slice(at);
        break;
      case 3:
        text = text.slice(0, at) + random.pick(tokens) + text.slice(end);
        break;
      case 4: {
        const other = random.pick(seeds);
        text = text.slice(0, at) + other.slice(random.next(other.length + 1));
        break;
      }
      case 5:
        text = text.slice(0, end) + text.slice(at, end).repeat(random.next(20)) + text.slice(end);
        break;
      case 6:
        text = text.slice(0, at) + String.fromCharCode(random.next(256)) + text.slice(at + 1);
        break;
      default:
        text = text.slice(0, at) + String.fromCharCode(random.next(256)).repeat(random.next(40)) + text.slice(at);
    }
  }
  return text.slice(0, LENGTH_MAX);
}
