/**
 * Random numbers from a seed: sfc32, which passes PractRand and needs four words of state. What draws for one purpose has a stream of its
 * own, so that a draw more in one place changes nothing in another.
 */
export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(name: string) {
    this.#name = name;
    this.#a = hashOf(`${name} a`);
    this.#b = hashOf(`${name} b`);
    this.#c = hashOf(`${name} c`);
    // The first ones still look like the seed.
    for (let turn = 0; turn < 12; turn++) this.word();
  }

  /** A stream of its own, which the draws from this one do not move. */
  stream(purpose: string): Random {
    return new Random(`${this.#name}/${purpose}`);
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 to below 1. */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  between(least: number, below: number): number {
    return least + this.fraction() * (below - least);
  }

  /** A whole number of `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of them. Throws a RangeError where there is none. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new RangeError("there is nothing to pick from");
    return item;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = this.word() >>> 24;
    return bytes;
  }
}

/** FNV-1a, mixed once more. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return (hash ^ (hash >>> 15)) >>> 0;
}
