/** Warnings about other processes, so few that none of them fills a disk by what it sends. */
import type { Logger } from "@hosttrail/lib/log";

/** Between two warnings of the same text. */
const EVERY_MS = 10_000;

export class Warnings {
  readonly #logger: Pick<Logger, "warn" | "debug">;
  readonly #nowMs: () => number;
  /** By their text: when one was written last, and how many were left out since. */
  readonly #written = new Map<string, { timeMs: number; leftOut: number }>();

  constructor(logger: Pick<Logger, "warn" | "debug">, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** `text` is one of few; what differs is in `fields`. */
  warn(fields: Readonly<Record<string, unknown>>, text: string): void {
    const timeMs = this.#nowMs();
    const last = this.#written.get(text);
    if (last !== undefined && timeMs - last.timeMs < EVERY_MS) {
      last.leftOut++;
      return;
    }
    this.#written.set(text, { timeMs, leftOut: 0 });
    this.#logger.warn({ ...fields, ...(last?.leftOut ? { leftOut: last.leftOut } : {}) }, text);
  }

  debug(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.#logger.debug(fields, text);
  }
}
