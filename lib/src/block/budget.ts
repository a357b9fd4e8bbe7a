/** What the counts in a block may cost: held while a block is built, and again by whoever reads it. */
import { BlockError } from "./error.ts";
import {
  EXPANDED_BYTES_MAX,
  expandedBytesMax,
  LIST_ITEM_EXPANDED_BYTES,
  LIST_ITEM_WEIGHT,
  LIST_ITEMS_MAX,
  payloadBytesFor,
  ROW_EXPANDED_BYTES,
  ROW_WEIGHT,
  weightMax,
} from "./limits.ts";

/** Rows go on where texts, lists and references end: each of those is left out past this. */
const SPENT_MAX = EXPANDED_BYTES_MAX / 2;

type WritingMark = Pick<WritingBudget, "rows" | "items" | "expandedBytes" | "rowBytes" | "leftOut">;

/** The building side: tells what still fits. What does not is left out, so that no reader can refuse the block. */
export class WritingBudget {
  rows = 0;
  items = 0;
  /** All rows written out. */
  expandedBytes = 0;
  /** The row that is being added, written out. */
  rowBytes = 0;
  /** Values left out. */
  leftOut = 0;

  /** True where `bytes` more of the row that is being added still fit. */
  spend(bytes: number): boolean {
    if (this.expandedBytes + bytes > SPENT_MAX) {
      this.leftOut++;
      return false;
    }
    this.expandedBytes += bytes;
    this.rowBytes += bytes;
    return true;
  }

  /** How many of `count` items of a list still fit. */
  spendItems(count: number): number {
    if (count === 0) return 0;
    const left = Math.min(
      LIST_ITEMS_MAX - this.items,
      Math.floor((SPENT_MAX - this.expandedBytes) / LIST_ITEM_EXPANDED_BYTES),
    );
    const fitting = Math.max(0, Math.min(count, left));
    this.leftOut += count - fitting;
    this.items += fitting;
    this.expandedBytes += fitting * LIST_ITEM_EXPANDED_BYTES;
    this.rowBytes += fitting * LIST_ITEM_EXPANDED_BYTES;
    return fitting;
  }

  /** Begins a row; returns what `endRow` wants. */
  beginRow(): number {
    const outer = this.rowBytes;
    this.rows++;
    this.rowBytes = ROW_EXPANDED_BYTES;
    this.expandedBytes += ROW_EXPANDED_BYTES;
    return outer;
  }

  /** Ends a row; returns its bytes. */
  endRow(outer: number): number {
    const bytes = this.rowBytes;
    this.rowBytes = outer;
    return bytes;
  }

  /** What was spent so far, for `restore`. */
  save(): WritingMark {
    const { rows, items, expandedBytes, rowBytes, leftOut } = this;
    return { rows, items, expandedBytes, rowBytes, leftOut };
  }

  /** Takes back what was spent since then. */
  restore({ rows, items, expandedBytes, rowBytes, leftOut }: WritingMark): void {
    this.rows = rows;
    this.items = items;
    this.expandedBytes = expandedBytes;
    this.rowBytes = rowBytes;
    this.leftOut = leftOut;
  }

  /** Bytes that a payload of `payloadBytes` lacks for what its rows and items weigh and come to. */
  missingBytes(payloadBytes: number, events: number): number {
    const weight = this.rows * ROW_WEIGHT + this.items * LIST_ITEM_WEIGHT;
    const lacking = payloadBytesFor(this.expandedBytes) - payloadBytes;
    return Math.max(0, lacking, weight - weightMax(payloadBytes, events));
  }

  clear(): void {
    this.rows = 0;
    this.items = 0;
    this.expandedBytes = 0;
    this.rowBytes = 0;
    this.leftOut = 0;
  }
}

/** The reading side: throws where a block's counts pass what its bytes and events allow. */
export class ReadingBudget {
  readonly #payloadBytes: number;
  readonly #events: number;
  readonly #weightMax: number;
  readonly #expandedMax: number;
  #weight = 0;
  #items = 0;
  #expandedBytes = 0;
  /** The row that is being built, written out. */
  rowBytes = 0;

  constructor(payloadBytes: number, events: number) {
    this.#payloadBytes = payloadBytes;
    this.#events = events;
    this.#weightMax = weightMax(payloadBytes, events);
    this.#expandedMax = expandedBytesMax(payloadBytes);
  }

  /** The same bounds, with nothing spent. */
  again(): ReadingBudget {
    return new ReadingBudget(this.#payloadBytes, this.#events);
  }

  /** Before anything is made for so many rows of a table. */
  spendRows(count: number, place: string): void {
    this.#spendWeight(count * ROW_WEIGHT, count, "rows", place);
  }

  /** Before anything is made for so many items of a list column. */
  spendItems(count: number, place: string): void {
    this.#items += count;
    if (this.#items > LIST_ITEMS_MAX) {
      throw refused(place, `${this.#items} list items so far; at most ${LIST_ITEMS_MAX} are allowed in a block`);
    }
    this.#spendWeight(count * LIST_ITEM_WEIGHT, count, "list items", place);
    this.#expandedBytes += count * LIST_ITEM_EXPANDED_BYTES;
  }

  #spendWeight(weight: number, count: number, what: string, place: string): void {
    this.#weight += weight;
    if (this.#weight <= this.#weightMax) return;
    throw refused(
      place,
      `${count} ${what} bring the weight of all to ${this.#weight}; at most ${this.#weightMax} are allowed for this payload's bytes and events`,
    );
  }

  /** For what a row shows: its texts and the rows that it refers to. */
  spend(bytes: number, place: string): void {
    this.rowBytes += bytes;
    this.#expandedBytes += bytes;
    if (this.#expandedBytes > this.#expandedMax) {
      throw refused(place, `rows of more than ${this.#expandedMax} bytes when written out`);
    }
  }

  /** For the items of a row's list, whose number was paid for by `spendItems`. */
  countItems(count: number): void {
    this.rowBytes += count * LIST_ITEM_EXPANDED_BYTES;
  }

  /** Begins a row; returns what `endRow` wants. */
  beginRow(place: string): number {
    const outer = this.rowBytes;
    this.rowBytes = 0;
    this.spend(ROW_EXPANDED_BYTES, place);
    return outer;
  }

  /** Ends a row; returns its bytes. */
  endRow(outer: number): number {
    const bytes = this.rowBytes;
    this.rowBytes = outer;
    return bytes;
  }
}

function refused(place: string, detail: string): BlockError {
  return new BlockError("PAYLOAD_MALFORMED", place, detail);
}
