/**
 * Aho and Corasick's automaton: which of many texts stand in another one, in one pass over it however many they are.
 *
 * A state is a text that others begin with; an edge leads to the one that is a character longer. Edges lie in one hash table, so that
 * the room is in proportion to the texts and not to the alphabet.
 */

/** Texts that are looked for; none is empty, and each is added once. */
export class AutomatonBuilder {
  readonly #texts = new Map<string, number>();

  /** Number of the text. */
  add(text: string): number {
    let number = this.#texts.get(text);
    if (number === undefined) {
      number = this.#texts.size;
      this.#texts.set(text, number);
    }
    return number;
  }

  build(): Automaton {
    return new Automaton([...this.#texts.keys()]);
  }
}

/** Ends a list, and is no edge. */
const NONE = -1;
const ROOT = 0;
/** A state and a character in one number, exactly: 2^16 characters, up to 2^37 states. */
const CHARACTERS = 0x1_0000;

export class Automaton {
  /** Number of texts. */
  readonly count: number;
  readonly #edges: EdgeTable;
  /** The state of the longest end of a state's text that is a state itself. */
  readonly #fallback: Int32Array;
  /** The text that ends in a state, and the nearest state by fallback in which one ends. */
  readonly #text: Int32Array;
  readonly #nextEnd: Int32Array;

  constructor(texts: readonly string[]) {
    this.count = texts.length;
    const statesMax = texts.reduce((sum, text) => sum + text.length, 1);
    this.#edges = new EdgeTable(statesMax);
    this.#fallback = new Int32Array(statesMax);
    this.#text = new Int32Array(statesMax).fill(NONE);
    this.#nextEnd = new Int32Array(statesMax).fill(NONE);
    this.#grow(texts);
  }

  #grow(texts: readonly string[]): void {
    const parents = [NONE];
    const characters = [0];
    for (const [number, text] of texts.entries()) {
      let state = ROOT;
      for (let at = 0; at < text.length; at++) {
        const character = text.charCodeAt(at);
        let next = this.#edges.get(state, character);
        if (next === NONE) {
          next = parents.length;
          parents.push(state);
          characters.push(character);
          this.#edges.set(state, character, next);
        }
        state = next;
      }
      this.#text[state] = number;
    }
    this.#link(parents, characters);
  }

  /** Shorter texts come first: a fallback is always shorter. */
  #link(parents: readonly number[], characters: readonly number[]): void {
    const depths = new Int32Array(parents.length);
    for (let state = 1; state < parents.length; state++) depths[state] = (depths[parents[state] as number] ?? 0) + 1;
    const order = Array.from(parents.keys()).sort((a, b) => (depths[a] ?? 0) - (depths[b] ?? 0));
    for (const state of order) {
      if (state === ROOT) continue;
      const parent = parents[state] as number;
      const fallback = parent === ROOT ? ROOT : this.#step(this.#fallback[parent] ?? ROOT, characters[state] as number);
      this.#fallback[state] = fallback;
      this.#nextEnd[state] = (this.#text[fallback] ?? NONE) === NONE ? (this.#nextEnd[fallback] ?? NONE) : fallback;
    }
  }

  #step(from: number, character: number): number {
    let state = from;
    for (;;) {
      const next = this.#edges.get(state, character);
      if (next !== NONE) return next;
      if (state === ROOT) return ROOT;
      state = this.#fallback[state] ?? ROOT;
    }
  }

  /** Tells the numbers of the texts in this one; a text that stands in it twice is told twice. */
  search(text: string, found: (number: number) => void): void {
    let state = ROOT;
    for (let at = 0; at < text.length; at++) {
      state = this.#step(state, text.charCodeAt(at));
      const number = this.#text[state] ?? NONE;
      if (number !== NONE) found(number);
      for (let end = this.#nextEnd[state] ?? NONE; end !== NONE; end = this.#nextEnd[end] ?? NONE)
        found(this.#text[end] ?? NONE);
    }
  }
}

/** From a state and a character to a state. Open addressing, at most half full. */
class EdgeTable {
  readonly #keys: Float64Array;
  readonly #states: Int32Array;
  readonly #mask: number;

  constructor(edgesMax: number) {
    let size = 16;
    while (size < edgesMax * 2) size *= 2;
    this.#keys = new Float64Array(size).fill(NONE);
    this.#states = new Int32Array(size);
    this.#mask = size - 1;
  }

  #slot(state: number, character: number): number {
    const key = state * CHARACTERS + character;
    let slot = (Math.imul(state, 0x9e3779b1) ^ Math.imul(character + 1, 0x85ebca6b)) & this.#mask;
    for (;;) {
      const known = this.#keys[slot];
      if (known === key || known === NONE) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  get(state: number, character: number): number {
    const slot = this.#slot(state, character);
    return this.#keys[slot] === NONE ? NONE : (this.#states[slot] ?? NONE);
  }

  set(state: number, character: number, to: number): void {
    const slot = this.#slot(state, character);
    this.#keys[slot] = state * CHARACTERS + character;
    this.#states[slot] = to;
  }
}
