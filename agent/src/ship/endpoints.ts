/** Which collector comes next. Pure but for the chance that is handed in. */

/** Why another stream is opened: the last one failed or ended, its collector stops, or it was open for long enough. */
export type Leaving = "failed" | "stopping" | "age";

export class Endpoints {
  readonly #endpoints: readonly string[];
  readonly #random: () => number;
  #at: number;

  /** Begins anywhere: a fleet that starts at once is spread from the first moment on. `random` gives 0 to below 1. */
  constructor(endpoints: readonly string[], random: () => number = Math.random) {
    this.#endpoints = endpoints;
    this.#random = random;
    this.#at = this.#anyOf(endpoints.length);
  }

  get current(): string {
    return this.#endpoints[this.#at] ?? "";
  }

  move(leaving: Leaving): void {
    const { length } = this.#endpoints;
    if (leaving === "failed") this.#at = (this.#at + 1) % length;
    // Each of the others alike: all who leave one collector would be too much for the one behind it.
    else if (leaving === "stopping") this.#at = (this.#at + 1 + this.#anyOf(length - 1)) % length;
    else this.#at = this.#anyOf(length);
  }

  #anyOf(count: number): number {
    return count <= 1 ? 0 : Math.floor(this.#random() * count);
  }
}
