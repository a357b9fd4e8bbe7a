/** Reads the events of a batch that pass the filter, in the order of hosts, epochs and numbers, whatever units they lie in. */
import { BlockError, type ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import type { Unit } from "../history/index.ts";
import type { ForwardHistory } from "./ports.ts";
import { sizeOf } from "../ranges/index.ts";
import { type Trails, trailOf } from "./trails.ts";
import { type Cut, cutsOf } from "./waiting.ts";

/** What could not be read of a batch, in events. */
export interface Lost {
  /** Retention dropped them before they were forwarded. */
  gone: number;
  /** Their payload is damaged. */
  unreadable: number;
  /** Units that are damaged, with what was found. */
  reasons: string[];
}

/** Events of one answer of `readEvents`, always as many but for the last one: so that the same batch is always cut alike. */
const ROWS = 1000;

/** Throws a MovedError where others took a unit's place, and a RetryableError. */
export async function* readEvents(
  history: Pick<ForwardHistory, "open" | "mayMatch">,
  { trails, units, filter }: { trails: Trails; units: readonly Unit[]; filter: Filter },
  lost: Lost,
): AsyncGenerator<Event[], void, undefined> {
  const byTrail = Map.groupBy(units, trailOf);
  const reader = new UnitReader(history, filter, lost);
  let rows: Event[] = [];
  for (const [trail, ranges] of [...trails].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const cuts = cutsOf(ranges, byTrail.get(trail) ?? []);
    lost.gone += Number(sizeOf(ranges) - sizeOf(cuts));
    for (const cut of cuts) {
      for await (const event of reader.read(cut)) {
        rows.push(event);
        if (rows.length < ROWS) continue;
        yield rows;
        rows = [];
      }
    }
  }
  if (rows.length > 0) yield rows;
}

/** A unit's events that pass, by their numbers. */
interface Passing {
  block: ColumnBlock;
  rows: { seq: bigint; at: number }[];
}

class UnitReader {
  readonly #history: Pick<ForwardHistory, "open" | "mayMatch">;
  readonly #filter: Filter;
  readonly #lost: Lost;
  /** The last unit, since several cuts in a row may lie in it. */
  #last: { unit: Unit; found: Passing | "nothing" | "damaged" } | undefined;

  constructor(history: Pick<ForwardHistory, "open" | "mayMatch">, filter: Filter, lost: Lost) {
    this.#history = history;
    this.#filter = filter;
    this.#lost = lost;
  }

  async *read({ unit, first, next }: Cut): AsyncGenerator<Event, void, undefined> {
    if (this.#last?.unit !== unit) this.#last = { unit, found: await this.#open(unit) };
    const { found } = this.#last;
    if (found === "damaged") this.#lost.unreadable += Number(next - first);
    if (typeof found === "string") return;
    for (const { seq, at } of found.rows) if (seq >= first && seq < next) yield found.block.event(at);
  }

  async #open(unit: Unit): Promise<Passing | "nothing" | "damaged"> {
    if (!(await this.#history.mayMatch(unit, this.#filter))) return "nothing";
    try {
      const { events: block } = await this.#history.open(unit);
      const rows = this.#filter.match(block).map((at) => ({ seq: block.names.sequenceAt(at), at }));
      return { block, rows: rows.toSorted((a, b) => (a.seq < b.seq ? -1 : 1)) };
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#lost.reasons.push(error.message);
      return "damaged";
    }
  }
}
