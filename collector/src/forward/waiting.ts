/** Which stored events were not forwarded yet, and in which order they go out. Pure. */
import type { Unit } from "../history/index.ts";
import type { SequenceRange } from "../model/index.ts";
import { firstOf, normalized, sizeOf, split, without } from "../ranges/index.ts";
import { type Trails, trailOf } from "./trails.ts";

/** Hosts and epochs of one batch: it is written down as one document. */
const TRAILS_MAX = 50_000;

/** Events in these units that are not in `done`. */
export function waitingIn(units: readonly Unit[], done: Trails): Trails {
  const waiting: Trails = new Map();
  for (const unit of units) {
    const trail = trailOf(unit);
    const left = without(unit.ranges, done.get(trail) ?? []);
    if (left.length > 0) waiting.set(trail, normalized([...(waiting.get(trail) ?? []), ...left]));
  }
  return waiting;
}

/** What goes out together: the first of them in the order of hosts, epochs and numbers, as many as `eventsMax`. */
export function batchesOf(waiting: Trails, eventsMax: number): Trails[] {
  const batches: Trails[] = [];
  let batch: Trails = new Map();
  let room = eventsMax;
  for (const [trail, all] of [...waiting].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (let left: readonly SequenceRange[] = all; left.length > 0; ) {
      const taken = firstOf(left, room);
      batch.set(trail, taken);
      room -= Number(sizeOf(taken));
      left = without(left, taken);
      if (room > 0 && batch.size < TRAILS_MAX) continue;
      batches.push(batch);
      batch = new Map();
      room = eventsMax;
    }
  }
  return batch.size === 0 ? batches : [...batches, batch];
}

/** Numbers that lie in one unit. */
export interface Cut extends SequenceRange {
  unit: Unit;
}

/** Where these numbers lie, in their order, each in one unit; numbers that are in none are left out. */
export function cutsOf(ranges: readonly SequenceRange[], units: readonly Unit[]): Cut[] {
  let left: readonly SequenceRange[] = ranges;
  const cuts: Cut[] = [];
  for (const unit of units) {
    const { within, without: others } = split(left, unit.ranges);
    cuts.push(...within.map((range) => ({ ...range, unit })));
    left = others;
  }
  return cuts.toSorted((a, b) => (a.first < b.first ? -1 : 1));
}
