/** Whether what is written beside a block or a payload is what the payload itself says. Readers find events by it, and believe it. Pure. */
import { eventId } from "@hosttrail/lib/block";
import { type Arrival, type CatalogEntry, OUTSIDE, type Place, type SequenceRange } from "../model/index.ts";
import { dayOf, forkEpoch } from "../trail/index.ts";
import type { StoredBlock } from "./blocks.ts";

const NANOS_OF_MS = 1_000_000n;
/** Milliseconds that a Date can hold. */
const DATE_MS_MAX = 8_640_000_000_000_000n;

/** The names of what differs between an arrival's document and its block; `id` is the document's. */
export function arrivalProblems(id: string, arrival: Arrival, block: StoredBlock): string[] {
  const { header } = block.parsed;
  const isFork = block.epoch !== header.epoch;
  const expected: [name: string, isRight: boolean][] = [
    ["_id", id === block.id],
    ["host", arrival.hostId === header.hostId],
    ["epoch", !isFork || block.epoch === forkEpoch(block.hash)],
    ["first_seq", arrival.firstSeq === header.firstSeq],
    ["count", arrival.count === header.count],
    ["t0", arrival.firstTimeNano === header.firstTimeUnixNano],
    ["t1", arrival.lastTimeNano === header.lastTimeUnixNano],
    ["place", isPlace(arrival.place, header.firstTimeUnixNano)],
    ["chain.hash", arrival.chain.hash === block.hash],
    ["chain.previous", arrival.chain.previous === block.previous],
    ["fork_of", arrival.forkOf === (isFork ? eventId(header.hostId, header.epoch, header.firstSeq) : undefined)],
  ];
  return expected.filter(([, isRight]) => !isRight).map(([name]) => name);
}

function isPlace(place: Place, firstTimeNano: bigint): boolean {
  const firstMs = firstTimeNano / NANOS_OF_MS;
  return place === OUTSIDE || (firstMs >= 0n && firstMs <= DATE_MS_MAX && place === dayOf(Number(firstMs)));
}

/** What a payload's blocks come to, for its entry in the catalog. */
export class Content {
  #blocks = 0;
  #events = 0;
  #firstTimeNano: bigint | undefined;
  #lastTimeNano: bigint | undefined;
  readonly #ranges: SequenceRange[] = [];

  add({ parsed: { header } }: StoredBlock): void {
    this.#blocks++;
    this.#events += header.count;
    const { firstTimeUnixNano: first, lastTimeUnixNano: last } = header;
    if (this.#firstTimeNano === undefined || first < this.#firstTimeNano) this.#firstTimeNano = first;
    if (this.#lastTimeNano === undefined || last > this.#lastTimeNano) this.#lastTimeNano = last;
    const range = { first: header.firstSeq, next: header.firstSeq + BigInt(header.count) };
    const before = this.#ranges.at(-1);
    if (before?.next === range.first) before.next = range.next;
    else this.#ranges.push(range);
  }

  /** The names of what differs from the entry. */
  problems(entry: CatalogEntry, bytes: number): string[] {
    const expected: [name: string, isRight: boolean][] = [
      ["blocks", entry.blocks === this.#blocks],
      ["ranges", isSame(entry.ranges, this.#ranges)],
      ["first_time_unix_nano", entry.firstTimeNano === this.#firstTimeNano],
      ["last_time_unix_nano", entry.lastTimeNano === this.#lastTimeNano],
      ["events", entry.events === this.#events],
      ["bytes", entry.bytes === bytes],
    ];
    return expected.filter(([, isRight]) => !isRight).map(([name]) => name);
  }
}

function isSame(a: readonly SequenceRange[], b: readonly SequenceRange[]): boolean {
  return a.length === b.length && a.every(({ first, next }, at) => first === b[at]?.first && next === b[at]?.next);
}
