/** How far a long scan is: one line on standard error that is written again and again, where somebody sees it. */

const CLEAR = "\r\u001b[K";
/** Scans that are over sooner show nothing. */
const QUIET_MS = 500;
const BETWEEN_MS = 100;

export class Progress {
  readonly #write: ((text: string) => void) | undefined;
  readonly #now: () => number;
  readonly #startMs: number;
  #shownMs: number | undefined;

  /** `write` is undefined where nobody would see it. */
  constructor(write: ((text: string) => void) | undefined, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
    this.#startMs = now();
  }

  /** Tells that `done` of `all` events were looked at, and how many were found. */
  tell(done: bigint, all: bigint, found: bigint): void {
    if (this.#write === undefined) return;
    const nowMs = this.#now();
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < QUIET_MS || nowMs - (this.#shownMs ?? -BETWEEN_MS) < BETWEEN_MS) return;
    this.#shownMs = nowMs;
    this.#write(`${CLEAR}${progressText(done, all, found, elapsedMs)}`);
  }

  /** The same in other words. */
  say(text: string): void {
    if (this.#write === undefined) return;
    const nowMs = this.#now();
    if (nowMs - this.#startMs < QUIET_MS || nowMs - (this.#shownMs ?? -BETWEEN_MS) < BETWEEN_MS) return;
    this.#shownMs = nowMs;
    this.#write(`${CLEAR}${text}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shownMs === undefined) return;
    this.#shownMs = undefined;
    this.#write?.(CLEAR);
  }
}

export function progressText(done: bigint, all: bigint, found: bigint, elapsedMs: number): string {
  const share = all === 0n ? 0 : Number(done) / Number(all);
  const percent = all === 0n ? "" : `${Math.floor(share * 100)} % of `;
  const left = share > 0 && share < 1 ? `, ${duration((elapsedMs * (1 - share)) / share)} left` : "";
  return `${percent}${all} events, ${found} found${left}`;
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
