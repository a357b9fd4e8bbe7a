/** One trial: rules held against history by several threads, in parts that come in no order. */
import { BlockError } from "@hosttrail/lib/block";
import type { RuleProblem, TestedRule } from "@hosttrail/proto/rule";
import type { Unit } from "../history/index.ts";
import { GoneError, type Part, type PartSource, partsOf, readWhole } from "../scan/index.ts";
import type { FoundOnDay, GivenRules } from "./rules.ts";
import { Tally } from "./tally.ts";
import { DamagedError, type ReadRules, ThreadError, TrialThread } from "./worker.ts";

/** What a trial needs of history. */
export interface TrialSource extends Pick<PartSource, "begin" | "dayRange"> {
  sieveOf(unit: Unit): Promise<Uint8Array | undefined>;
  payloadOf(unit: Unit): Promise<Uint8Array>;
}

export interface TrialRequest extends GivenRules {
  hosts: ReadonlySet<string> | undefined;
  /** Asked before each part: whether its host may still be seen. */
  isAllowed: (hostId: string) => boolean;
  startNano: bigint;
  endNano: bigint;
  threads: number;
  /** Ends it early, without an error. */
  signal: AbortSignal;
}

/** What came since the last time that it was asked for. */
export interface TrialProgress {
  found: TestedRule[];
  problems: RuleProblem[];
  unreadable: string[];
  eventsScanned: bigint;
  bytesScanned: bigint;
  eventsToScan: bigint;
}

/** Parts that are fetched while a thread works. */
const LANES_EACH = 2;
/** Threads that are started again, after units that ended one. */
const RESTARTS_MAX = 8;
const UNREADABLE_MAX = 1000;
const FOUND_EACH_MAX = 500;
const PROBLEMS_EACH_MAX = 500;

/** The trial cannot be finished, whatever is tried. */
export class TrialEndedError extends Error {
  override readonly name = "TrialEndedError";
}

export class Trial {
  readonly #source: TrialSource;
  readonly #request: TrialRequest;
  readonly #threads: TrialThread[] = [];
  #tally = new Tally([]);
  #problems: RuleProblem[] = [];
  #unreadable: string[] = [];
  #unreadableParts = 0;
  #scanned = 0;
  #scannedBytes = 0;
  #toScan = 0;
  #restarts = 0;
  #isOver = false;

  constructor(source: TrialSource, request: TrialRequest) {
    this.#source = source;
    this.#request = request;
  }

  get #given(): GivenRules {
    const { files, placeholders } = this.#request;
    return { files, placeholders };
  }

  /** Matches so far. */
  get matches(): number {
    return this.#tally.matches;
  }

  /** Throws what partsOf throws, a TrialTooWideError, and a ThreadError where the rules are more than a thread can hold. */
  async run(): Promise<void> {
    const { threads, signal } = this.#request;
    const stop = (): void => void this.#close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let count = 0; count < threads; count++) this.#threads.push(new TrialThread(this.#given));
      const [read] = await Promise.all(this.#threads.map((thread) => thread.ready()));
      if (read === undefined) return;
      this.#tally = new Tally(read.rules);
      this.#problems = [...read.problems];
      if (read.rules.length > 0) await this.#scan(read);
    } catch (error) {
      // Threads that are ended by the signal say so, which is nobody's fault.
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      await this.#close();
    }
  }

  async #scan(read: ReadRules): Promise<void> {
    const query = { ...this.#request, sieve: undefined };
    for await (const { unit } of partsOf(this.#withoutSieves(), query)) this.#toScan += unit.events;
    const parts = partsOf(this.#withoutSieves(), query);
    const lanes = this.#threads.flatMap((_, at) =>
      Array.from({ length: LANES_EACH }, () => this.#lane(at, parts, read)),
    );
    try {
      await Promise.all(lanes);
    } finally {
      // Where one lane failed, the others end with what they have in hand.
      await this.#close();
      await Promise.allSettled(lanes);
    }
    // What came meanwhile was not counted before.
    this.#toScan = this.#scanned;
  }

  #withoutSieves(): PartSource {
    return {
      begin: (query) => this.#source.begin(query),
      dayRange: (day) => this.#source.dayRange(day),
      mayMatch: async () => true,
    };
  }

  async #lane(at: number, parts: AsyncGenerator<Part>, read: ReadRules): Promise<void> {
    for (;;) {
      const { value: part, done } = await parts.next();
      if (done === true || this.#isOver) return;
      if (!this.#request.isAllowed(part.unit.hostId)) continue;
      await this.#hold(at, part, read);
      this.#scanned += part.unit.events;
      this.#scannedBytes += bytesOf(part.unit);
    }
  }

  async #hold(at: number, part: Part, read: ReadRules): Promise<void> {
    try {
      try {
        await this.#holdOn(await this.#threadAt(at), part, read);
      } catch (error) {
        if (!(error instanceof ThreadError) || this.#isOver) throw error;
        await this.#holdAlone(part, read);
      }
    } catch (error) {
      const isOfUnit =
        error instanceof BlockError ||
        error instanceof GoneError ||
        error instanceof DamagedError ||
        error instanceof ThreadError;
      if (!isOfUnit || this.#isOver) throw error;
      this.#note(part.unit, error.message);
    }
  }

  async #holdOn(thread: TrialThread, part: Part, { hasSieve }: ReadRules): Promise<void> {
    const sieve = hasSieve ? await this.#source.sieveOf(part.unit) : undefined;
    if (sieve !== undefined && !(await thread.mayMatch(sieve))) return;
    const { startNano, endNano } = part;
    const found: FoundOnDay[] = [];
    for await (const { unit, read, only } of readWhole(this.#source, part.unit, (each) => this.#source.payloadOf(each)))
      found.push(...(await thread.match({ unit: bare(unit), bytes: read, startNano, endNano, only })));
    // All or nothing: what was found before a thread ended is found again.
    this.#tally.add(part.unit.hostId, found);
  }

  /** A thread ended, by this unit or by another one that it had in hand: this one is tried by itself. */
  async #holdAlone(part: Part, read: ReadRules): Promise<void> {
    const thread = this.#startAgain();
    try {
      await thread.ready();
      await this.#holdOn(thread, part, read);
    } finally {
      await thread.close();
    }
  }

  #startAgain(): TrialThread {
    if (++this.#restarts > RESTARTS_MAX) throw new TrialEndedError("threads end again and again");
    return new TrialThread(this.#given);
  }

  /** The thread of this number, anew where a unit ended it. */
  async #threadAt(at: number): Promise<TrialThread> {
    const thread = this.#threads[at] as TrialThread;
    if (!thread.hasEnded) return thread;
    const next = this.#startAgain();
    this.#threads[at] = next;
    await next.ready();
    return next;
  }

  #note({ hostId, place, firstTimeNano, lastTimeNano, events }: Unit, reason: string): void {
    this.#unreadableParts++;
    if (this.#unreadableParts > UNREADABLE_MAX + 1) return;
    this.#unreadable.push(
      this.#unreadableParts > UNREADABLE_MAX
        ? `more than ${UNREADABLE_MAX} parts of history cannot be read`
        : `${events} events of host ${hostId}, ${shownTime(firstTimeNano)} to ${shownTime(lastTimeNano)} (${place}): ${reason}`,
    );
  }

  /** What is to be told now; `isMore` where there is more of it. */
  take(): TrialProgress & { isMore: boolean } {
    const found = this.#tally.take(FOUND_EACH_MAX);
    const problems = this.#problems.splice(0, PROBLEMS_EACH_MAX);
    const isMore = found.length === FOUND_EACH_MAX || this.#problems.length > 0;
    const unreadable = this.#unreadable.splice(0);
    const [eventsScanned, eventsToScan] = [BigInt(this.#scanned), BigInt(this.#toScan)];
    const bytesScanned = BigInt(this.#scannedBytes);
    return { found, problems, unreadable, eventsScanned, eventsToScan, bytesScanned, isMore };
  }

  async #close(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

const NO_BYTES = new Uint8Array(0);

/** Without what is not needed to open it: an arrival has its bytes in it. */
function bare(unit: Unit): Unit {
  const { id, place, hostId, epoch, ranges, firstTimeNano, lastTimeNano, events, from } = unit;
  const slim = "arrival" in from ? { arrival: { ...from.arrival, bytes: NO_BYTES } } : from;
  return { id, place, hostId, epoch, ranges, firstTimeNano, lastTimeNano, events, from: slim };
}

function bytesOf({ from }: Unit): number {
  return "entry" in from ? from.entry.bytes : from.arrival.bytes.length;
}

function shownTime(timeNano: bigint): string {
  return new Date(Number(timeNano / 1_000_000n)).toISOString();
}
