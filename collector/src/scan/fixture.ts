/** History in memory with days of 1,000 ns, for tests of what reads it. */
import { compileFilter } from "@hosttrail/lib/predicate";
import fc from "fast-check";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History, openPayload, unitOfArrival } from "../history/index.ts";
import { type Arrival, OUTSIDE } from "../model/index.ts";
import { type ScanSource, scanSource } from "./index.ts";

export const DAY = 1000n;

export function dayRange(day: string): { startNano: bigint; endNano: bigint } {
  return { startNano: BigInt(day) * DAY, endNano: (BigInt(day) + 1n) * DAY };
}

/** So many arrivals are read at once. */
function historyOf(memory: MemoryHistory, blocksMax = 1000): History {
  return new History({
    days: () => memory.days(),
    arrivals: (query, bounds) => memory.arrivals(query, { ...bounds, blocksMax }),
    arrivalHashes: (ids) => memory.arrivalHashes(ids),
    catalogs: (place, hosts) => memory.catalogs(place, hosts),
    payload: (place, id) => memory.payload(place, id),
    sieve: (place, id) => memory.sieve(place, id),
  });
}

export function sourceOf(memory: MemoryHistory, blocksMax = 1000): ScanSource {
  return scanSource(historyOf(memory, blocksMax), dayRange);
}

/** A block of events at these times; every third one says so. */
export function sealed(hostDigit: string, firstSeq: bigint, times: readonly bigint[], place?: string): Arrival {
  const day = String((times[0] ?? 0n) / DAY).padStart(8, "0");
  const events = times.map((timeUnixNano) => ({
    timeUnixNano,
    action: timeUnixNano % 3n === 0n ? "third" : "other",
  }));
  return arrivalOf({ hostId: hostDigit.repeat(32), firstSeq, place: place ?? day }, events);
}

export interface Lying {
  lies: "waiting" | "merged" | "both";
  block: Arrival;
}

/** Overlapping blocks of several hosts, each within a day or outside of them, as they arrived, in history, or on their way. */
export const lyingBlocks: fc.Arbitrary<Lying[]> = fc
  .array(
    fc.record({
      host: fc.constantFrom("a", "b", "c"),
      day: fc.bigInt(0n, 3n),
      offsets: fc.array(fc.bigInt(0n, DAY - 1n), { minLength: 1, maxLength: 5 }),
      lies: fc.constantFrom("waiting" as const, "merged" as const, "both" as const),
      isOutside: fc.boolean(),
    }),
    { maxLength: 10 },
  )
  .map((list) =>
    list.map(({ host, day, offsets, lies, isOutside }, at) => {
      const times = offsets.map((offset) => day * DAY + offset);
      return { lies, block: sealed(host, BigInt(at * 10), times, isOutside && at % 3 === 0 ? OUTSIDE : undefined) };
    }),
  );

export function memoryOf(list: readonly Lying[]): MemoryHistory {
  const of = (...places: string[]): Arrival[] =>
    list.filter(({ lies }) => places.includes(lies)).map(({ block }) => block);
  return new MemoryHistory(of("waiting", "both"), of("merged", "both"));
}

/** What a question over rows would find: event ids by time, then by id. */
export function naiveIds(
  stored: readonly Arrival[],
  about: { text: string; startNano: bigint; endNano: bigint; hosts: ReadonlySet<string> | undefined },
): string[] {
  const found: { time: bigint; id: string }[] = [];
  const filter = compileFilter(about.text);
  for (const block of stored) {
    if (about.hosts?.has(block.hostId) === false) continue;
    const { events } = openPayload(unitOfArrival(block), block.bytes);
    for (const index of filter.match(events)) {
      const time = events.columns.time[index] ?? 0n;
      if (time >= about.startNano && time < about.endNano) found.push({ time, id: events.eventId(index) });
    }
  }
  found.sort((a, b) => (a.time === b.time ? (a.id < b.id ? -1 : 1) : a.time < b.time ? -1 : 1));
  return found.map(({ id }) => id);
}
