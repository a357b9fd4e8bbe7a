/** Records from the lines of a stream of bytes. */
import { parseLogLine, whyUnread } from "./line.ts";
import type { SourceFault, TakeRecord, TellFault } from "./source.ts";

/** Longer than anything that the kernel or auditd writes (MAX_AUDIT_MESSAGE_LENGTH is 8,970 bytes). */
const LINE_BYTES_MAX = 1 << 20;
/** Of the lines of a file that give no record so many are told one by one. */
const TOLD_MAX = 3;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface Counts {
  records: number;
  parseFailures: number;
  foreign: number;
  unreadFiles: number;
}

/** Whether to go on reading: closed for good, or only for now. */
export class Gate {
  closed = false;
  #open: Promise<void> | undefined;
  #letGo: (() => void) | undefined;

  pause(): void {
    this.#open ??= new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  resume(): void {
    this.#letGo?.();
    this.#open = undefined;
  }

  close(): void {
    this.closed = true;
    this.resume();
  }

  get isPaused(): boolean {
    return this.#open !== undefined;
  }

  /** True when reading goes on; waits while it is paused. */
  async passes(): Promise<boolean> {
    await this.#open;
    return !this.closed;
  }
}

export interface LineOptions {
  /** Named where a line gives no record. */
  file: string;
  take: TakeRecord;
  tell: TellFault;
  counts: Counts;
  gate: Gate;
}

/** Reads lines until the bytes end or the gate is closed. Where they end by an error, the line that it cut is no record. */
export async function readLines(chunks: AsyncIterable<Buffer>, options: LineOptions): Promise<void> {
  const { take, counts, gate } = options;
  const unread = new UnreadLines(options);
  let rest: Buffer[] = [];
  let length = 0;
  /** Where the current line begins, and how many came before it. */
  let offset = 0;
  let number = 0;
  const accept = (line: Buffer): void => {
    number++;
    if (line.length > 0) {
      const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
      const text = line.length > LINE_BYTES_MAX ? undefined : line.toString("latin1", 0, end);
      const record = text === undefined ? undefined : parseLogLine(text);
      if (record === undefined) unread.add(text, offset, number);
      else {
        counts.records++;
        take(record, performance.now());
      }
    }
  };
  try {
    for await (const chunk of chunks) {
      if (!(await gate.passes())) return;
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        accept(length === 0 ? chunk.subarray(start, end) : Buffer.concat([...rest, chunk.subarray(start, end)]));
        offset += length + end - start + 1;
        rest = [];
        length = 0;
        start = end + 1;
      }
      // Of a line without end only so much is kept that it is seen to be too long.
      if (length <= LINE_BYTES_MAX) rest.push(Buffer.from(chunk.subarray(start)));
      length += chunk.length - start;
    }
    accept(Buffer.concat(rest));
  } catch (error) {
    // A record that lost its end would say something else: uid=10 of uid=1000.
    if (length > 0) unread.cut(offset, number + 1);
    throw error;
  } finally {
    unread.end();
  }
}

/** Counts the lines that give no record, and tells of the first ones. */
class UnreadLines {
  readonly #options: LineOptions;
  #failures = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** The text is undefined where the line is too long. */
  add(text: string | undefined, offset: number, line: number): void {
    if (text === undefined)
      return this.#fail({ offset, line, reason: `a line is longer than ${LINE_BYTES_MAX} bytes` });
    const { isForeign, reason } = whyUnread(text);
    if (isForeign) this.#options.counts.foreign++;
    else this.#fail({ offset, line, reason });
  }

  cut(offset: number, line: number): void {
    this.#fail({ offset, line, reason: "the damage cuts this line" });
  }

  end(): void {
    const more = this.#failures - TOLD_MAX;
    if (more <= 0) return;
    const { file, tell } = this.#options;
    tell({ file, offset: undefined, line: undefined, reason: `${more} more lines gave no record`, isLoss: true });
  }

  #fail(fault: Omit<SourceFault, "file" | "isLoss">): void {
    const { file, tell, counts } = this.#options;
    counts.parseFailures++;
    if (this.#failures++ < TOLD_MAX) tell({ ...fault, file, isLoss: true });
  }
}
