/** The events of a search, page by page, with no more of them in memory than a bound: a page that was given up is read again by its token. */
import type { Answer, CallError, Completeness, Event, SearchEventsResponse } from "../../api/index.ts";

export const PAGE_SIZE = 200;
/** Pages that are kept. */
const KEPT_MAX = 40;

type ReadPage = (token: string, signal: AbortSignal) => Promise<Answer<SearchEventsResponse>>;

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
    if (!this.isWhole && end >= this.count - PAGE_SIZE / 2) this.#bring(this.#counts.length);
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
    // Pages may be shorter than asked for; most are not, so the search begins where they would be.
    let page = Math.min(Math.floor(row / PAGE_SIZE), Math.max(0, this.#counts.length - 1));
    while (page < this.#counts.length - 1 && row >= (this.#starts[page + 1] ?? 0)) page++;
    while (page > 0 && row < (this.#starts[page] ?? 0)) page--;
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
    const { value, error } = await this.#read(token, this.#stopping.signal);
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
