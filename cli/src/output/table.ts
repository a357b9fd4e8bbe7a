/** Tables that fit the terminal. */
import { type Paint, paintCell } from "./style.ts";
import { columnsOf, cutTo, padTo } from "./width.ts";

export interface TableOptions {
  /** Columns of the terminal; undefined where nothing is cut. */
  width: number | undefined;
  paint: Paint;
  /** Titles of columns that are left out where they do not fit. */
  hide?: readonly string[];
}

/** What would be of no use in parts. */
const WHOLE = new Set(["ID", "KEY", "HOST ID", "TIME", "LAST EVENT", "FIRST EVENT", "COUNT", "FOR EXAMPLE", "EVENT"]);
const GAP = 2;
/** Columns to which a cell is cut at least. */
const LEAST = 10;
/** Rows by which the widths of columns are decided; later ones are printed as they come. */
const ROWS_MEASURED = 500;

/** Widths of the columns within `width`, the widest cut first; 0 for one that is left out. */
export function fitColumns(titles: readonly string[], natural: readonly number[], options: TableOptions): number[] {
  const widths = [...natural];
  if (options.width === undefined) return widths;
  const { width, hide = [] } = options;
  const excess = (): number => {
    const shown = widths.filter((each) => each > 0);
    return shown.reduce((sum, each) => sum + each, 0) + GAP * Math.max(0, shown.length - 1) - width;
  };
  for (const title of hide) {
    const at = titles.indexOf(title);
    if (at >= 0 && excess() > 0) widths[at] = 0;
  }
  for (let over = excess(); over > 0; over = excess()) {
    const at = widestThatMayShrink(titles, widths);
    if (at === undefined) break;
    // To the next widest at most, so that the widest ones end alike.
    widths[at] = Math.max(leastOf(titles[at] ?? ""), (widths[at] ?? 0) - Math.max(1, Math.ceil(over / titles.length)));
  }
  return widths;
}

function leastOf(title: string): number {
  return Math.max(LEAST, columnsOf(title));
}

function widestThatMayShrink(titles: readonly string[], widths: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [at, width] of widths.entries()) {
    const title = titles[at] ?? "";
    if (WHOLE.has(title) || width <= leastOf(title)) continue;
    if (widest === undefined || width > (widths[widest] ?? 0)) widest = at;
  }
  return widest;
}

/** Rows as they come: the widths of columns are those of the first rows. */
export class TableWriter {
  readonly #titles: readonly string[];
  readonly #options: TableOptions;
  #waiting: (readonly string[])[] = [];
  #widths: number[] | undefined;

  constructor(titles: readonly string[], options: TableOptions) {
    this.#titles = titles;
    this.#options = options;
  }

  /** Takes a row; gives what can be printed now. Cells have no control characters. */
  add(row: readonly string[]): string {
    if (this.#widths !== undefined) return this.#line(row, this.#widths);
    this.#waiting.push(row);
    return this.#waiting.length < ROWS_MEASURED ? "" : this.flush();
  }

  /** Gives all that waits, below the titles where they were not given yet. */
  flush(): string {
    if (this.#widths !== undefined) return "";
    const natural = this.#titles.map((title, at) =>
      this.#waiting.reduce((widest, row) => Math.max(widest, columnsOf(row[at] ?? "")), columnsOf(title)),
    );
    const widths = fitColumns(this.#titles, natural, this.#options);
    this.#widths = widths;
    const rows = this.#waiting.map((row) => this.#line(row, widths));
    this.#waiting = [];
    return this.#line(this.#titles, widths, true) + rows.join("");
  }

  #line(row: readonly string[], widths: readonly number[], isHead = false): string {
    const { paint, width } = this.#options;
    const shown = row.map((cell, at) => ({ cell, at })).filter(({ at }) => (widths[at] ?? 0) > 0);
    const cells = shown.map(({ cell, at }, place) => {
      const columns = widths[at] ?? 0;
      const cut = width === undefined ? cell : cutTo(cell, columns);
      const text = place === shown.length - 1 ? cut : padTo(cut, columns);
      return isHead ? paint("bold", text) : paintCell(paint, this.#titles[at] ?? "", cell, text);
    });
    return `${cells.join(" ".repeat(GAP)).trimEnd()}\n`;
  }
}

/** Rows without titles as aligned columns; nothing is cut. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, columnsOf(cell));
  const lines = rows.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : padTo(cell, widths[at] ?? 0))).join(" ".repeat(GAP)),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Rows as aligned columns, the first one the titles; the last column is not padded. */
export function layOut(rows: readonly (readonly string[])[], options: TableOptions): string {
  const [titles = [], ...rest] = rows;
  const writer = new TableWriter(titles, options);
  return rest.map((row) => writer.add(row)).join("") + writer.flush();
}
