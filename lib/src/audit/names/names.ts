/** Tables of names and numbers, from their generated text; taken apart when first asked. */

export class Names {
  readonly #text: string;
  readonly #prefix: string;
  #loaded: { byNumber: Map<number, string>; byName: Map<string, number> } | undefined;

  /** `text` is NAME=number by spaces; `prefix` is left out of the names. */
  constructor(text: string, prefix = "") {
    this.#text = text;
    this.#prefix = prefix;
  }

  #load(): { byNumber: Map<number, string>; byName: Map<string, number> } {
    if (this.#loaded === undefined) {
      const byNumber = new Map<number, string>();
      const byName = new Map<string, number>();
      for (const item of this.#text.split(" ")) {
        const equals = item.indexOf("=");
        const whole = item.slice(0, equals);
        const name = whole.startsWith(this.#prefix) ? whole.slice(this.#prefix.length) : whole;
        const number = Number(item.slice(equals + 1));
        // Two names of one number stand in the order of the alphabet; the first one is the usual one.
        if (!byNumber.has(number)) byNumber.set(number, name);
        byName.set(name, number);
      }
      this.#loaded = { byNumber, byName };
    }
    return this.#loaded;
  }

  /** The name of a number, or undefined. */
  name(number: number): string | undefined {
    return this.#load().byNumber.get(number);
  }

  number(name: string): number | undefined {
    return this.#load().byName.get(name);
  }

  /** All pairs, by number. */
  entries(): IterableIterator<[number, string]> {
    return this.#load().byNumber.entries();
  }

  /** Names of the bits that are set, by `|`; what has no name stays as hex. `none` is for no bit at all. */
  flags(value: number, none: string): string {
    const names: string[] = [];
    let rest = value;
    for (const [bits, name] of this.entries()) {
      if (bits === 0 || (value & bits) >>> 0 !== bits) continue;
      names.push(name);
      rest = (rest & ~bits) >>> 0;
    }
    if (rest !== 0) names.push(`0x${rest.toString(16)}`);
    return names.length === 0 ? none : names.join("|");
  }
}
