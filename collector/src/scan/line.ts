/**
 * Units that wait until a thread of this process has room for them. Some of those at the end, whose turn comes last, may be lent: another
 * process reads them meanwhile. What is read for another process waits behind all that this one wants for itself.
 */
import type { Reduced } from "../reduce/index.ts";
import type { ThreadJob } from "./worker.ts";

/** What is to be looked for in a unit, wherever that is done. */
export type UnitJob = Omit<ThreadJob, "bytes">;

/** What another process found in a unit. */
export interface FoundElsewhere {
  /** Numbers of the events that are asked for, ascending. */
  matches: Uint32Array;
  /** What was made of them, where that was asked for and is not too much to be sent; then there are no matches. */
  reduced: Reduced | undefined;
  readMs: number;
  openMs: number;
  matchMs: number;
}

/** How a unit is asked for. */
export interface Asking {
  /** Ends the wait: what is not begun then is not done. */
  signal?: AbortSignal | undefined;
  /** Whether another process may read it in the place of this one. */
  mayLend?: boolean;
  /** True where another process asks. */
  isGuest?: boolean;
  /** True where it waited before: it comes next. */
  isNext?: boolean;
}

/** A unit that another process reads; what is told first counts, and nothing else. */
export interface Lent {
  job: UnitJob;
  settle(found: FoundElsewhere): void;
  /** It found nothing out: the unit comes next here, and is not lent again. */
  giveBack(): void;
}

/**
 * How a wait ended: with a slot, to be given back, at once or after another process gave the unit back; or with what another process found,
 * and how long that took.
 */
export type Turn = "slot" | "slot-returned" | { found: FoundElsewhere; waitedMs: number };

interface Waiter {
  job: UnitJob;
  mayLend: boolean;
  /** True where its signal ended the wait. */
  hasLeft: boolean;
  /** True where it was lent, and given back. */
  isReturned: boolean;
  end(turn: Turn): void;
}

export class Line {
  readonly #own: Waiter[] = [];
  readonly #guests: Waiter[] = [];
  readonly #keep: number;
  #free: number;

  /** Of `slots`. So many units of those that wait are not lent, since they come next here. */
  constructor(slots: number, keep: number) {
    this.#free = slots;
    this.#keep = keep;
  }

  /** True where something of this process waits. */
  get isWaiting(): boolean {
    return this.#own.length > 0;
  }

  /** Throws the signal's reason where that ends the wait. */
  async turn(job: UnitJob, asking: Asking, queued: () => void): Promise<Turn> {
    const { signal, mayLend = false, isGuest = false, isNext = false } = asking;
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return "slot";
    }
    const line = isGuest ? this.#guests : this.#own;
    return await new Promise<Turn>((resolve, reject) => {
      const leave = (): void => {
        waiter.hasLeft = true;
        remove(line, waiter);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        job,
        mayLend,
        hasLeft: false,
        isReturned: false,
        end(turn) {
          signal?.removeEventListener("abort", leave);
          resolve(turn);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      if (isNext) line.unshift(waiter);
      else line.push(waiter);
      queued();
    });
  }

  /** Gives a slot back. */
  give(): void {
    const next = this.#own.shift() ?? this.#guests.shift();
    if (next === undefined) this.#free++;
    else next.end(next.isReturned ? "slot-returned" : "slot");
  }

  /** Up to so many units from the end, all of one question, in their order. */
  lend(unitsMax: number): Lent[] {
    const lent: Waiter[] = [];
    for (let at = this.#own.length - 1; at >= this.#keep && lent.length < unitsMax; at--) {
      const waiter = this.#own[at] as Waiter;
      if (!waiter.mayLend || (lent[0] !== undefined && !isSameQuestion(lent[0].job, waiter.job))) continue;
      this.#own.splice(at, 1);
      lent.push(waiter);
    }
    return lent.reverse().map((waiter) => this.#lentOf(waiter));
  }

  #lentOf(waiter: Waiter): Lent {
    const startMs = performance.now();
    let isOpen = true;
    return {
      job: waiter.job,
      settle: (found) => {
        if (isOpen) waiter.end({ found, waitedMs: performance.now() - startMs });
        isOpen = false;
      },
      giveBack: () => {
        if (!isOpen || waiter.hasLeft) return;
        isOpen = false;
        waiter.mayLend = false;
        waiter.isReturned = true;
        this.#own.unshift(waiter);
        if (this.#free === 0) return;
        this.#free--;
        this.give();
      },
    };
  }
}

function isSameQuestion(a: UnitJob, b: UnitJob): boolean {
  const isSameRange = a.startNano === b.startNano && a.endNano === b.endNano;
  return isSameRange && a.filter === b.filter && a.reduce === b.reduce;
}

function remove<Item>(list: Item[], item: Item): void {
  const at = list.indexOf(item);
  if (at !== -1) list.splice(at, 1);
}
