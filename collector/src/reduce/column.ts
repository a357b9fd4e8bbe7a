/** The values of one field of the events that are looked at, by number, and the text of each number. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Field } from "@hosttrail/lib/predicate";
import { SEVERAL, ValueNumbers } from "./values.ts";

/** An event is named by its position among those that are looked at. */
export class Column {
  /** Text of number n at n - 1; 0 is no value. */
  readonly texts: string[] = [];
  /** By position: the only value, or SEVERAL. */
  readonly ones: Int32Array;
  /** True where an event has several values. */
  readonly hasSeveral: boolean;
  readonly #events: readonly number[];
  readonly #values: ValueNumbers;

  /** Throws a BlockError where the block is damaged. */
  constructor(field: Field, block: ColumnBlock, events: readonly number[]) {
    const numbers = new Map<string, number>();
    const numberOf = (text: string): number => {
      let number = numbers.get(text);
      if (number === undefined) {
        number = this.texts.push(text);
        numbers.set(text, number);
      }
      return number;
    };
    this.#events = events;
    this.#values = new ValueNumbers(field, block, numberOf);
    this.ones = this.#values.ones(events);
    this.hasSeveral = this.ones.includes(SEVERAL);
  }

  /** Numbers that there are, that of no value included. */
  get count(): number {
    return this.texts.length + 1;
  }

  /** Numbers of all values at a position, each once; that of no value alone where there is none. Good until the next one is asked for. */
  all(position: number): readonly number[] {
    return this.#values.all(this.#events[position] ?? 0);
  }

  /** How many these are. */
  countAt(position: number): number {
    return this.ones[position] === SEVERAL ? this.all(position).length : 1;
  }
}
