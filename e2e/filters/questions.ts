/** Random questions about a history, and what a look at each of its events answers. */
import { compileFilter, type Filter, FilterError } from "@hosttrail/lib/predicate";
import { anyFilter } from "@hosttrail/lib/predicate/arbitrary";
import { holds, write } from "@hosttrail/lib/predicate/reference";
import type { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { timeOf } from "./history.ts";

/** How a question is put: at once, in pieces that small budgets make, or to the API as a stream or in pages. */
export type Way = "whole" | "pieces" | "stream" | "pages";
const anyWay: fc.Arbitrary<Way> = fc.oneof(
  { weight: 12, arbitrary: fc.constant("whole") },
  { weight: 6, arbitrary: fc.constant("pieces") },
  { weight: 1, arbitrary: fc.constant("stream") },
  { weight: 1, arbitrary: fc.constant("pages") },
);
/** One of so many events lies within the time range of one question, at most. */
const RANGE_SHARE = 10;
/** Filters whose values come from the same events, and how many these are. */
const SAMPLE_FILTERS = 50;
const SAMPLE_EVENTS = 2000;

export interface Question {
  filter: Filter;
  /** As it is asked for. */
  text: string;
  hosts: ReadonlySet<string>;
  startNano: bigint;
  endNano: bigint;
  order: "ascending" | "descending";
  way: Way;
  /** Events that a piece may look at, or a page may have: some of those of the time range. */
  piece: number;
  /** Numbers of the rows that are found, in the order that is asked for. */
  expected: Uint32Array;
}

/** Rows are ordered by time and id. Filters that are refused, since they can never match, are not among them. */
export function* questions(
  rows: readonly Event[],
  hostIds: readonly string[],
  { seed, count }: { seed: number; count: number },
): Generator<Question, void> {
  let given = 0;
  for (let batch = 0; ; batch++) {
    const stride = Math.max(1, Math.floor(rows.length / SAMPLE_EVENTS));
    const sample = rows.filter((_, at) => (at + batch * 7) % stride === 0);
    const asked = fc.record({
      model: anyFilter(sample),
      isBracketed: fc.boolean(),
      from: fc.nat(rows.length - 1),
      length: fc.oneof(fc.nat(Math.floor(rows.length / RANGE_SHARE)), fc.nat(300)),
      hosts: fc.oneof(fc.constant([...hostIds]), fc.subarray([...hostIds], { minLength: 1 })),
      order: fc.constantFrom("ascending" as const, "descending" as const),
      way: anyWay,
      pieces: fc.integer({ min: 2, max: 4 }),
      // The end is exclusive: events of its very moment are not found.
      afterLast: fc.constantFrom(0n, 1n),
    });
    for (const { model, isBracketed, from, length, pieces, afterLast, ...about } of fc.sample(asked, {
      numRuns: SAMPLE_FILTERS,
      seed: seed + batch,
    })) {
      const text = write(model, isBracketed);
      const filter = compiled(text);
      if (filter === undefined) continue;
      const [first, last] = [rows[from], rows[Math.min(from + length, rows.length - 1)]] as [Event, Event];
      const range = { startNano: timeOf(first), endNano: timeOf(last) + afterLast };
      const hosts = new Set(about.hosts);
      const found: number[] = [];
      for (let at = firstAt(rows, range.startNano); at < rows.length; at++) {
        const row = rows[at] as Event;
        if (timeOf(row) >= range.endNano) break;
        if (hosts.has(row.host?.id ?? "") && holds(model, row)) found.push(at);
      }
      if (about.order === "descending") found.reverse();
      const piece = Math.max(200, Math.ceil(length / pieces));
      yield { ...about, ...range, piece, hosts, filter, text, expected: Uint32Array.from(found) };
      if (++given === count) return;
    }
  }
}

/** Undefined where the filter could never match, or is too long, and so is refused. */
function compiled(text: string): Filter | undefined {
  try {
    return compileFilter(text);
  } catch (error) {
    if (!(error instanceof FilterError) || !/never|characters; at most/.test(error.message)) throw error;
    return undefined;
  }
}

/** The first row of this time or later. */
function firstAt(rows: readonly Event[], timeNano: bigint): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(rows[middle] as Event) < timeNano) low = middle + 1;
    else high = middle;
  }
  return low;
}
