/** Reads parts of history for an answer: all of them, or just the event that is nearest to a moment. */
import { setImmediate } from "node:timers/promises";
import { BlockError } from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";
import type { Reduce } from "../reduce/index.ts";
import {
  type Budget,
  type ReducedPart,
  scan,
  type ScanPart,
  scanReduced,
  ScanReport,
  type ScanRequest,
} from "../scan/index.ts";
import { MovedError, type Unit } from "../history/index.ts";
import type { AnswerSource } from "./source.ts";

/** What several scans for one answer share. */
export class Reading {
  readonly report: ScanReport;
  readonly signal: AbortSignal;
  readonly #source: Pick<AnswerSource, "scans">;
  readonly #budget: Budget;
  readonly #startMs = performance.now();

  constructor(source: Pick<AnswerSource, "scans">, budget: Budget, report: ScanReport, signal: AbortSignal) {
    this.#source = source;
    this.#budget = budget;
    this.report = report;
    this.signal = signal;
  }

  /** The same with a report of its own. */
  apart(): Reading {
    return new Reading(this.#source, this.#left, new ScanReport(), this.signal);
  }

  /** What is left of the time; the other bounds are for each scan. */
  get #left(): Budget {
    const { timeMs, bytes, events } = this.#budget;
    return { timeMs: Math.max(1, timeMs - (performance.now() - this.#startMs)), bytes, events };
  }

  /**
   * Gives each part to `take`, until that says true. What turns out damaged while it is taken is noted as such. Throws as `scan`.
   * `looked` is told after each unit, also where nothing matches.
   */
  async each(
    request: Omit<ScanRequest, "budget" | "signal">,
    take: (part: ScanPart) => boolean | undefined,
    looked: () => void = () => undefined,
  ): Promise<void> {
    await this.#take(scan(this.#source.scans, this.#whole(request), this.report, looked), take);
  }

  /** As `each`, but gives what is made of the events of each part; where that would be more than the events, it gives these. */
  async eachReduced(
    request: Omit<ScanRequest, "budget" | "signal"> & { reduce: Reduce },
    take: (part: ScanPart | ReducedPart) => void,
    looked: () => void,
  ): Promise<void> {
    const parts = scanReduced(this.#source.scans, this.#whole(request), this.report, looked);
    await this.#take(parts, (part) => {
      take(part);
      return undefined;
    });
  }

  #whole<Request extends object>(request: Request): Request & Pick<ScanRequest, "budget" | "signal"> {
    return { ...request, budget: this.#left, signal: this.signal };
  }

  async #take<Part extends { unit: Unit }>(
    parts: AsyncIterable<Part>,
    take: (part: Part) => boolean | undefined,
  ): Promise<void> {
    let breathedMs = performance.now();
    for await (const part of parts) {
      try {
        if (take(part) === true) return;
      } catch (error) {
        if (!(error instanceof BlockError)) throw error;
        this.report.noteUnreadable({ unit: part.unit, reason: error.message });
      }
      // What is read from memory would leave no turn to anybody else.
      if (performance.now() - breathedMs < BREATH_MS) continue;
      await setImmediate();
      breathedMs = performance.now();
    }
  }

  /** The matching event that is the last one before the end of the range, or the first one after its start; undefined for none. */
  async nearest(
    which: "last" | "first",
    request: Omit<ScanRequest, "budget" | "signal" | "order">,
  ): Promise<{ event: Event; timeNano: bigint } | undefined> {
    const order = which === "last" ? "descending" : "ascending";
    let best: { part: ScanPart; index: number; timeNano: bigint } | undefined;
    await this.each({ ...request, order }, (part) => {
      const { firstTimeNano, lastTimeNano } = part.unit;
      // Parts come by their ends: those after one that cannot have a nearer event have none either.
      if (best !== undefined && (which === "last" ? lastTimeNano < best.timeNano : firstTimeNano > best.timeNano))
        return true;
      for (const index of part.matches) {
        const timeNano = part.events.columns.time[index] ?? 0n;
        const isNearer = best === undefined || (which === "last" ? timeNano > best.timeNano : timeNano < best.timeNano);
        if (isNearer) best = { part, index, timeNano };
      }
      return false;
    });
    return best && { event: best.part.events.event(best.index), timeNano: best.timeNano };
  }
}

const BREATH_MS = 20;
/** Times that a question is asked again where what it reads is moved meanwhile. */
const ATTEMPTS_MAX = 4;

/** Asks again where what is read was moved, which takes no longer than to read the catalog again. */
export async function whileMoved<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof MovedError) || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}
