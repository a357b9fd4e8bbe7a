/**
 * Texts by numbers: one that comes again, from field to field and block to block, is looked up once a block, and what is decided of it is
 * found by its number.
 */
import type { ColumnBlock } from "../../block/index.ts";
import { type Automaton, AutomatonBuilder } from "./automaton.ts";

/** Texts that are remembered from block to block, and up to which length. */
const KNOWN_MAX = 16_384;
const KNOWN_LENGTH_MAX = 512;

/** Small lists are made all the time, and plain ones cost far less than typed ones. */
export type Numbers = readonly number[];
export const NO_NUMBERS: Numbers = [];

export class KnownTexts {
  readonly #builder = new AutomatonBuilder();
  #automaton: Automaton | undefined;
  readonly #numbers = new Map<string, number>();
  /** Texts that are known only while their block is looked at. */
  readonly #long = new Map<string, number>();
  #count = 0;
  /** For each text the parts of questions that stand in it. */
  #parts: (Numbers | undefined)[] = [];
  /** The numbers of the block's strings, each with the round in which it was found: doubles, which never come round. */
  #ofStrings = new Uint32Array(256);
  #rounds = new Float64Array(256);
  #round = 0;
  /** Parts in the text that is searched, each with the search that found it. */
  #foundIn = new Float64Array(0);
  #search = 0;
  readonly #found: number[] = [];

  /** Number of a part that is looked for in texts. All of them are there before the first text comes. */
  addPart(part: string): number {
    return this.#builder.add(part);
  }

  /** Begins with a block; true where all numbers that were given are forgotten. */
  begin(block: ColumnBlock): boolean {
    this.#long.clear();
    this.#round++;
    const { count } = block.strings;
    if (count > this.#ofStrings.length) {
      this.#ofStrings = new Uint32Array(count * 2);
      this.#rounds = new Float64Array(count * 2);
    }
    if (this.#count < KNOWN_MAX) return false;
    this.#numbers.clear();
    this.#parts = [];
    this.#count = 0;
    return true;
  }

  /** Number of a text, from 1. */
  numberOf(text: string): number {
    const isLong = text.length > KNOWN_LENGTH_MAX;
    const numbers = isLong ? this.#long : this.#numbers;
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const number = ++this.#count;
    numbers.set(isLong ? text : detached(text), number);
    return number;
  }

  /** Number of one of the block's strings, which has a number of its own there. */
  numberOfString(string: number, text: string): number {
    if (this.#rounds[string] === this.#round) return this.#ofStrings[string] ?? 0;
    const number = this.numberOf(text);
    this.#rounds[string] = this.#round;
    this.#ofStrings[string] = number;
    return number;
  }

  /** Numbers of the parts that stand in a text. */
  partsOf(number: number, text: string): Numbers {
    const known = this.#parts[number];
    if (known !== undefined) return known;
    const parts = this.partsIn(text.toLowerCase());
    while (this.#parts.length < number) this.#parts.push(undefined);
    this.#parts[number] = parts;
    return parts;
  }

  partsIn(lower: string): Numbers {
    const automaton = (this.#automaton ??= this.#builder.build());
    if (this.#foundIn.length !== automaton.count) this.#foundIn = new Float64Array(automaton.count);
    this.#search++;
    this.#found.length = 0;
    automaton.search(lower, this.#tellPart);
    return this.#found.length === 0 ? NO_NUMBERS : [...this.#found];
  }

  readonly #tellPart = (part: number): void => {
    if (this.#foundIn[part] === this.#search) return;
    this.#foundIn[part] = this.#search;
    this.#found.push(part);
  };
}

/** A copy: a part of a longer string keeps all of that, and a block's strings are parts of one. */
function detached(text: string): string {
  return ` ${text}`.slice(1);
}
