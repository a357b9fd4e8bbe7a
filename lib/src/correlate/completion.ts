/** Which event completed a window, by the order in which events came. */
import { compareEntries, type Entry } from "./entry.ts";
import { nanoOf } from "./moment.ts";
import { holdsBound, type Question } from "./question.ts";

export interface Completion {
  /** When the event came that completed the window. */
  receivedNano: bigint;
  /** How much later than its own time; 0 where that is not late. */
  lateNano: bigint;
}

/**
 * The event with whose arrival the condition held, and went on to hold with each that came into the window later. Depends on the
 * window's entries alone, which are in their order, and satisfy.
 */
export function completionOf(window: readonly Entry[], question: Question): Completion {
  // Cheap in the usual case, in which nothing is late, and it makes no difference which one it was.
  if (!window.some(({ isLate }) => isLate)) {
    let receivedNano = window[0]?.receivedNano ?? 0n;
    for (const entry of window) if (entry.receivedNano > receivedNano) receivedNano = entry.receivedNano;
    return { receivedNano, lateNano: 0n };
  }
  const arrived = [...window].sort(compareArrivals);
  const entry = question.isOrdered ? completingOrder(arrived, question) : completing(arrived, question);
  const { receivedNano, isLate } = entry;
  return { receivedNano, lateNano: isLate ? receivedNano - nanoOf(entry) : 0n };
}

function compareArrivals(a: Entry, b: Entry): number {
  if (a.receivedNano === b.receivedNano) return compareEntries(a, b);
  return a.receivedNano < b.receivedNano ? -1 : 1;
}

function completing(arrived: readonly Entry[], question: Question): Entry {
  const aggregate = question.newAggregate();
  const oldest = arrived[0] as Entry;
  let since: Entry | undefined;
  for (const entry of arrived) {
    aggregate.add(entry);
    if (Number.isNaN(question.decide(aggregate, oldest))) since = undefined;
    else since ??= entry;
  }
  return since ?? (arrived.at(-1) as Entry);
}

/**
 * For rules in an order entries must be taken in their order, so each look at what had come by then costs a whole pass. The more have
 * come the more rules are in order: so the arrival can be found by halving.
 */
function completingOrder(arrived: readonly Entry[], question: Question): Entry {
  const ordered = [...arrived].sort(compareEntries);
  const places = new Map(arrived.map((entry, at) => [entry, at]));
  const measure = (upTo: number): number => {
    const aggregate = question.newAggregate();
    for (const entry of ordered) if ((places.get(entry) as number) <= upTo) aggregate.add(entry);
    return aggregate.measure(ordered[0] as Entry);
  };
  for (let last = arrived.length - 1; ; ) {
    // With the first arrival of a level this many rules are in order, with the one before fewer.
    const level = measure(last);
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (measure(middle) >= level) high = middle;
      else low = middle + 1;
    }
    if (high === 0 || !question.bounds.every((bound) => holdsBound(bound, measure(high - 1))))
      return arrived[high] as Entry;
    last = high - 1;
  }
}
