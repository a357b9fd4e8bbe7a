/** Where commands write, and how it looks there. */
import type { Writable } from "node:stream";
import { type Pager, startPager } from "./pager.ts";
import { Progress } from "./progress.ts";
import { type ColorWhen, isColored, type Paint, painter } from "./style.ts";
import { align, layOut, type TableOptions, TableWriter } from "./table.ts";

export { COLOR_WHEN, type ColorWhen, type Tone } from "./style.ts";
export { columnsOf, padTo } from "./width.ts";

/** Where commands write. */
export interface Output {
  /** One JSON object a line, for programs. */
  json: boolean;
  print: (text: string) => void;
  /** Resolves when what was printed was taken, so that a slow reader holds back who asks. */
  taken: () => Promise<void>;
  /** Tells that what was printed is not all: to people, and by the exit status. */
  lack: (text: string) => void;
  /** Says something to people beside what is printed. */
  note: (text: string) => void;
  /** Rows as a table, the first one the titles. */
  table: (rows: readonly (readonly string[])[], hide?: readonly string[]) => string;
  /** Rows without titles, aligned. */
  align: (rows: readonly (readonly string[])[]) => string;
  /** A table whose rows come one after the other. */
  tableWriter: (titles: readonly string[], hide?: readonly string[]) => TableWriter;
  paint: Paint;
  /** Columns of the terminal; undefined where there is none, or where nothing is to be cut. */
  width: number | undefined;
  progress: () => Progress;
}

/** An output that ends. */
export interface OpenOutput extends Output {
  /** Waits until all was taken, and until the reader has left the pager. */
  end: () => Promise<void>;
  /** Whether the reader left before all was written. */
  readonly isLeft: boolean;
}

export interface OutputOptions {
  json: boolean;
  color: ColorWhen;
  pager: boolean;
  /** Nothing is cut. */
  wide: boolean;
  /** Called when the reader leaves. */
  left: () => void;
}

/** Exit status where the answer lacks something. */
const INCOMPLETE = 3;

const OVER = ["drain", "close", "error"] as const;

/** Resolves when a stream takes more, or never will. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const name of OVER) stream.removeListener(name, done);
      resolve();
    };
    for (const name of OVER) stream.on(name, done);
  });
}

/** Standard output, through a pager where that was asked for and a person reads. */
export function openOutput(options: OutputOptions): OpenOutput {
  const { stdout, stderr } = process;
  const paint = painter(isColored(options.color, stdout.isTTY, process.env) && !options.json);
  const width = stdout.isTTY && !options.wide && !options.json ? stdout.columns : undefined;
  let pager: Pager | undefined;
  let target: Writable | undefined;
  let isLeft = false;
  const shown: Progress[] = [];
  const leave = (): void => {
    if (isLeft) return;
    isLeft = true;
    options.left();
  };
  const open = (): Writable => {
    // The pager begins with the first text, so that errors and progress before it are seen.
    if (options.pager && stdout.isTTY && !options.json) pager = startPager(process.env, leave);
    return pager?.input ?? stdout;
  };
  const say = (text: string): void => {
    for (const each of shown) each.clear();
    stderr.write(`hosttrail: ${text}\n`);
  };
  // What is to be said while somebody reads in the pager is said behind it.
  const late: string[] = [];
  const note = (text: string): void => void (pager === undefined ? say(text) : late.push(text));
  const tableOptions = (hide: readonly string[] = []): TableOptions => ({ width, paint, hide });
  return {
    json: options.json,
    paint,
    width,
    print(text) {
      if (text === "" || isLeft) return;
      for (const each of shown) each.clear();
      target ??= open();
      target.write(text);
    },
    async taken() {
      const stream = target;
      if (stream === undefined || isLeft || !stream.writableNeedDrain) return;
      await drained(stream);
    },
    note,
    lack(text) {
      note(text);
      process.exitCode = INCOMPLETE;
    },
    align,
    table: (rows, hide) => layOut(rows, tableOptions(hide)),
    tableWriter: (titles, hide) => new TableWriter(titles, tableOptions(hide)),
    progress() {
      const seen = stderr.isTTY && !options.json;
      const progress = new Progress(
        seen ? (text) => void (pager === undefined ? stderr.write(text) : undefined) : undefined,
      );
      shown.push(progress);
      return progress;
    },
    async end() {
      for (const each of shown) each.clear();
      await pager?.end();
      pager = undefined;
      for (const text of late.splice(0)) say(text);
    },
    get isLeft() {
      return isLeft;
    },
  };
}

/** An output without a terminal that hands on what is printed. */
export function plainOutput(json: boolean, print: (text: string) => void, lack: (text: string) => void): Output {
  const paint = painter(false);
  const options: TableOptions = { width: undefined, paint };
  return {
    json,
    paint,
    width: undefined,
    print,
    lack,
    note: () => undefined,
    taken: async () => undefined,
    align,
    table: (rows) => layOut(rows, options),
    tableWriter: (titles) => new TableWriter(titles, options),
    progress: () => new Progress(undefined),
  };
}
