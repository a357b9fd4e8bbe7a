/**
 * Finds equal rows by the numbers that they put to their columns. The same events always become the same columns, whichever objects stand for
 * their rows: so the bytes that a host has signed can be made again from events that were kept in another way.
 */
import { U32List } from "./list.ts";

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class EqualRows {
  readonly #lists: readonly U32List[];
  /** Where each row begins in each list. */
  readonly #starts = new U32List();
  /** The newest row of a hash; older ones hang on it. Indexes are plus one. */
  readonly #newest = new Map<number, number>();
  readonly #older = new U32List();

  constructor(lists: readonly U32List[]) {
    this.#lists = lists;
  }

  /** Before a row's numbers are put to the lists. */
  begin(): void {
    for (const list of this.#lists) this.#starts.push(list.length);
  }

  /** After that: index plus one of an equal row, and the numbers are taken back; or 0, and they stay. */
  end(): number {
    const row = this.#older.length;
    const hash = this.#hash(row);
    const newest = this.#newest.get(hash) ?? 0;
    for (let index = newest; index !== 0; index = this.#older.values[index - 1] ?? 0) {
      if (!this.#same(index - 1, row)) continue;
      this.#takeBack(row);
      return index;
    }
    this.#older.push(newest);
    this.#newest.set(hash, row + 1);
    return 0;
  }

  #hash(row: number): number {
    const starts = this.#starts.values;
    const base = row * this.#lists.length;
    let hash = FNV_BASIS;
    for (let at = 0; at < this.#lists.length; at++) {
      const { values, length } = this.#lists[at] as U32List;
      for (let item = starts[base + at] ?? 0; item < length; item++) {
        hash = Math.imul(hash ^ (values[item] ?? 0), FNV_PRIME);
        hash ^= hash >>> 15;
      }
    }
    return hash;
  }

  /** Compares a row with the newest one. */
  #same(row: number, last: number): boolean {
    const starts = this.#starts.values;
    const stride = this.#lists.length;
    for (let at = 0; at < stride; at++) {
      const { values, length } = this.#lists[at] as U32List;
      const start = starts[row * stride + at] ?? 0;
      const lastStart = starts[last * stride + at] ?? 0;
      const count = length - lastStart;
      if ((starts[(row + 1) * stride + at] ?? 0) - start !== count) return false;
      for (let item = 0; item < count; item++) if (values[start + item] !== values[lastStart + item]) return false;
    }
    return true;
  }

  #takeBack(row: number): void {
    const base = row * this.#lists.length;
    for (const [at, list] of this.#lists.entries()) list.length = this.#starts.values[base + at] ?? 0;
    this.#starts.length = base;
  }

  clear(): void {
    this.#starts.clear();
    this.#newest.clear();
    this.#older.clear();
  }
}
