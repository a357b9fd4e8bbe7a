/** One table of a payload, looked over column by column. What it has room for is kept from payload to payload. */
import type { ColumnScan } from "../columns.ts";
import {
  LIST_ITEM_EXPANDED_BYTES,
  LIST_ITEM_WEIGHT,
  LIST_ITEMS_MAX,
  PARENTS_MAX,
  ROW_EXPANDED_BYTES,
  ROW_WEIGHT,
} from "../limits.ts";
import type { ScanBytes } from "./bytes.ts";

/** As ReadingBudget, for all tables of a payload together. */
export class ScanBudget {
  #weightLeft = 0;
  #itemsLeft = 0;
  #expandedLeft = 0;

  reset(weightMax: number, expandedMax: number): void {
    this.#weightLeft = weightMax;
    this.#itemsLeft = LIST_ITEMS_MAX;
    this.#expandedLeft = expandedMax;
  }

  takesRows(count: number): boolean {
    this.#weightLeft -= count * ROW_WEIGHT;
    return this.#weightLeft >= 0;
  }

  takesItems(count: number): boolean {
    this.#itemsLeft -= count;
    this.#weightLeft -= count * LIST_ITEM_WEIGHT;
    return this.#itemsLeft >= 0 && this.#weightLeft >= 0;
  }

  takes(expandedBytes: number): boolean {
    this.#expandedLeft -= expandedBytes;
    return this.#expandedLeft >= 0;
  }
}

export interface TableScanOptions {
  bytes: ScanBytes;
  budget: ScanBudget;
  /** Looks over each column; false where one cannot be read. */
  columns: (table: TableScan) => boolean;
  /** What a row comes to beside its values; events are no rows of a table. */
  eachRowBytes?: number;
}

/** Each of its questions about a column is true where that can be read. A column that is missing has zeros. */
export class TableScan implements ColumnScan {
  count = 0;
  /** What each row comes to when it is written out. */
  rowBytes: Float64Array = new Float64Array(16);
  readonly #bytes: ScanBytes;
  readonly #budget: ScanBudget;
  readonly #columns: (table: TableScan) => boolean;
  readonly #eachRowBytes: number;
  readonly #links = new Map<string, TableScan>();
  /** Where each field starts and ends; an end of 0 where it is missing. */
  readonly #spans = new Uint32Array(64);
  #isScanned = false;
  #lengths = new Uint32Array(16);
  #items = 0;
  #parents = new Uint32Array(16);
  #hasParents = false;
  #depths = new Uint8Array(16);

  constructor({ bytes, budget, columns, eachRowBytes = ROW_EXPANDED_BYTES }: TableScanOptions) {
    this.#bytes = bytes;
    this.#budget = budget;
    this.#columns = columns;
    this.#eachRowBytes = eachRowBytes;
  }

  /** Names a table that rows of this one refer to. */
  linkTo(name: string, table: TableScan): this {
    this.#links.set(name, table);
    return this;
  }

  /** Finds the columns between two offsets; `count` is given for the events, whose number stands elsewhere. */
  open(start: number, end: number, count?: number): boolean {
    this.#isScanned = false;
    this.#hasParents = false;
    const first = this.#bytes.fields(start, end, this.#spans);
    this.count = count ?? first;
    return first >= 0 && (count !== undefined || this.#budget.takesRows(first));
  }

  /** Looks over the whole table, once. */
  scan(): boolean {
    if (this.#isScanned || this.count === 0) return true;
    this.#isScanned = true;
    const { count } = this;
    if (this.rowBytes.length < count) this.rowBytes = new Float64Array(count * 2);
    this.rowBytes.fill(this.#eachRowBytes, 0, count);
    if (!this.#columns(this) || !this.#addParents()) return false;
    let sum = 0;
    for (let row = 0; row < count; row++) sum += this.rowBytes[row] ?? 0;
    return this.#budget.takes(sum);
  }

  start(field: number): number {
    return this.#spans[2 * field] ?? 0;
  }

  /** 0 where there is no such column. */
  end(field: number): number {
    return this.#spans[2 * field + 1] ?? 0;
  }

  /** Reads a column that is there into `bytes.values`. */
  #reads(field: number, count: number): boolean {
    return this.#bytes.packed(this.start(field), this.end(field)) === count;
  }

  numbers(field: number, most = 0xffffffff): boolean {
    if (this.end(field) === 0) return true;
    if (!this.#reads(field, this.count)) return false;
    const { values } = this.#bytes;
    for (let row = 0; row < this.count; row++) if ((values[row] ?? 0) > most) return false;
    return true;
  }

  varints(field: number): boolean {
    return this.end(field) === 0 || this.#bytes.varints(this.start(field), this.end(field)) === this.count;
  }

  int64(field: number): boolean {
    if (this.end(field) === 0) return true;
    const deltas = this.#bytes.deltas(this.start(field), this.end(field));
    return deltas !== undefined && this.#bytes.varints(deltas.start, deltas.end) === this.count;
  }

  texts(field: number): boolean {
    if (this.end(field) === 0) return true;
    if (!this.#reads(field, this.count)) return false;
    const { values, characters, textCount } = this.#bytes;
    const { rowBytes, count } = this;
    for (let row = 0; row < count; row++) {
      const text = values[row] ?? 0;
      if (text >= textCount) return false;
      rowBytes[row] = (rowBytes[row] ?? 0) + (characters[text] ?? 0);
    }
    return true;
  }

  link(field: number, name: string): boolean {
    if (this.end(field) === 0) return true;
    const target = this.#links.get(name);
    if (target?.scan() !== true || !this.#reads(field, this.count)) return false;
    const { values } = this.#bytes;
    const { rowBytes, count } = this;
    for (let row = 0; row < count; row++) {
      const to = values[row] ?? 0;
      if (to > target.count) return false;
      if (to > 0) rowBytes[row] = (rowBytes[row] ?? 0) + (target.rowBytes[to - 1] ?? 0);
    }
    return true;
  }

  /** What the rows above come to is added when it is known. */
  parents(field: number): boolean {
    if (this.end(field) === 0) return true;
    if (!this.#reads(field, this.count)) return false;
    const { count } = this;
    if (this.#parents.length < count) {
      this.#parents = new Uint32Array(count * 2);
      this.#depths = new Uint8Array(count * 2);
    }
    this.#parents.set(this.#bytes.values.subarray(0, count));
    this.#hasParents = true;
    return true;
  }

  #addParents(): boolean {
    if (!this.#hasParents) return true;
    const { rowBytes, count } = this;
    for (let row = 0; row < count; row++) {
      const above = this.#parents[row] ?? 0;
      if (above > row) return false;
      const depth = above === 0 ? 0 : (this.#depths[above - 1] ?? 0) + 1;
      if (depth > PARENTS_MAX) return false;
      this.#depths[row] = depth;
      if (above > 0) rowBytes[row] = (rowBytes[row] ?? 0) + (rowBytes[above - 1] ?? 0);
    }
    return true;
  }

  lists(field: number): boolean {
    this.#items = 0;
    if (this.end(field) === 0) return true;
    if (!this.#reads(field, this.count)) return false;
    const { values } = this.#bytes;
    const { rowBytes, count } = this;
    if (this.#lengths.length < count) this.#lengths = new Uint32Array(count * 2);
    const lengths = this.#lengths;
    let sum = 0;
    for (let row = 0; row < count; row++) {
      const length = values[row] ?? 0;
      lengths[row] = length;
      sum += length;
      rowBytes[row] = (rowBytes[row] ?? 0) + length * LIST_ITEM_EXPANDED_BYTES;
    }
    this.#items = sum;
    return this.#budget.takesItems(sum);
  }

  numberItems(field: number, most = 0xffffffff): boolean {
    if (this.end(field) === 0) return true;
    if (!this.#reads(field, this.#items)) return false;
    const { values } = this.#bytes;
    for (let item = 0; item < this.#items; item++) if ((values[item] ?? 0) > most) return false;
    return true;
  }

  textItems(field: number): boolean {
    const { characters, textCount } = this.#bytes;
    return this.numberItems(field, textCount - 1) && this.#addItems(field, characters, 0);
  }

  linkItems(field: number, name: string): boolean {
    const target = this.#links.get(name);
    if (target?.scan() !== true || !this.rowItems(field, target.count)) return false;
    return this.#addItems(field, target.rowBytes, 1);
  }

  /** Items that are rows of another table, of which none may be row 0. */
  rowItems(field: number, rows: number): boolean {
    // Missing, they are all row 0.
    if (this.end(field) === 0) return this.#items === 0;
    return this.numberItems(field, rows) && !this.#bytes.values.subarray(0, this.#items).includes(0);
  }

  /** Adds what the items that were read last come to: `bytesOf[value - offset]`. */
  #addItems(field: number, bytesOf: Uint32Array | Float64Array, offset: number): boolean {
    if (this.end(field) === 0 || this.#items === 0) return true;
    const { values } = this.#bytes;
    const { rowBytes, count } = this;
    const lengths = this.#lengths;
    let at = 0;
    for (let row = 0; row < count; row++) {
      let sum = 0;
      for (const end = at + (lengths[row] ?? 0); at < end; at++) sum += bytesOf[(values[at] ?? 0) - offset] ?? 0;
      rowBytes[row] = (rowBytes[row] ?? 0) + sum;
    }
    return true;
  }

  /** Values of a column that can be read, until another one is; undefined where it is missing. */
  values(field: number): Uint32Array | undefined {
    if (this.end(field) === 0) return undefined;
    this.#bytes.packed(this.start(field), this.end(field));
    return this.#bytes.values;
  }

  /** The last value of a column that is not 0; 0 where all are. The column can be read. */
  last(field: number): number {
    const values = this.values(field);
    if (values === undefined) return 0;
    for (let row = this.count - 1; row >= 0; row--) if (values[row] !== 0) return values[row] ?? 0;
    return 0;
  }
}
