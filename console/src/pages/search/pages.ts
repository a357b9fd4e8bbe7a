/** The events of a search, page by page, with no more of them in memory than a bound: a page that was given up is read again by its token. */
import type { Answer, CallError, Completeness, Event, SearchEventsResponse } from "../../api/index.ts";

/** Rows of the first page, which has to be there soon; each page is twice as large as the one before, since each is a search anew. */
export const PAGE_SIZE = 200;
const PAGE_SIZE_MAX = 1000;
/** Pages that are kept. */
const KEPT_MAX = 12;

type ReadPage = (token: string, pageSize: number, signal: AbortSignal) => Promise<Answer<SearchEventsResponse>>;

/** Rows that are asked for, of a page by its number. */
function sizeOf(page: number): number {
  return Math.min(PAGE_SIZE * 2 ** page, PAGE_SIZE_MAX);
}

export class EventPages {
  readonly #read: ReadPage;
  readonly #changed: () => void;
  readonly #stopping = new AbortController();
  /** Token of each page that is known; the first one is empty. */
  readonly #tokens: string[] = [""];
  /** Events of each page that was read once. */
  readonly #counts: number[] = [];
  /** In the order in which they were wanted last. */
  readonly #kept = new Map<number, readonly Event[]>();
  readonly #coming = new Set<number>();
  #starts: number[] = [0];
  error: CallError | undefined;
  completeness: Completeness | undefined;
  /** All pages were read. */
  isWhole = false;

  constructor(read: ReadPage, changed: () => void) {
    this.#read = read;
    this.#changed = changed;
  }

  /** Events that are known to be there. */
  get count(): number {
    return this.#starts.at(-1) ?? 0;
  }

  get isComing(): boolean {
    return this.#coming.size > 0;
  }

  /** The event of a row; undefined while it is on its way. */
  at(row: number): Event | undefined {
    const page = this.#pageOf(row);
    return this.#kept.get(page)?.[row - (this.#starts[page] ?? 0)];
  }

  /** Brings the pages of these rows, and the next one where they come near the end of what is known. */
  want(first: number, end: number): void {
    if (this.error !== undefined) return;
    for (let page = this.#pageOf(first); page <= this.#pageOf(Math.max(first, end - 1)); page++) this.#bring(page);
    if (!this.isWhole && end >= this.count - (this.#counts.at(-1) ?? 0) / 2) this.#bring(this.#counts.length);
  }

  /** After an error. */
  again(): void {
    this.error = undefined;
    this.want(Math.max(0, this.count - 1), this.count);
    this.#changed();
  }

  close(): void {
    this.#stopping.abort();
  }

  #pageOf(row: number): number {
    // The last one that begins at the row or before it; pages may be shorter than asked for.
    let page = 0;
    for (let end = this.#counts.length - 1; page < end; ) {
      const middle = Math.ceil((page + end) / 2);
      if ((this.#starts[middle] ?? 0) <= row) page = middle;
      else end = middle - 1;
    }
    return page;
  }

  #bring(page: number): void {
    const kept = this.#kept.get(page);
    if (kept !== undefined) {
      this.#kept.delete(page);
      this.#kept.set(page, kept);
      return;
    }
    const token = this.#tokens[page];
    if (token === undefined || this.#coming.has(page)) return;
    this.#coming.add(page);
    void this.#take(page, token);
  }

  async #take(page: number, token: string): Promise<void> {
    const { value, error } = await this.#read(token, sizeOf(page), this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    this.#coming.delete(page);
    this.error = error;
    if (value !== undefined) this.#put(page, value);
    this.#changed();
  }

  #put(page: number, { events = [], nextPageToken = "", completeness }: SearchEventsResponse): void {
    this.#kept.set(page, events);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(old);
    }
    if (page !== this.#counts.length) return;
    this.#counts.push(events.length);
    this.#starts = [...this.#starts, this.count + events.length];
    this.completeness = completeness;
    if (nextPageToken === "") this.isWhole = true;
    else this.#tokens.push(nextPageToken);
    // A page without events is no end where there is a token: what was looked at had none.
    if (events.length === 0 && nextPageToken !== "") this.#bring(page + 1);
  }
}
