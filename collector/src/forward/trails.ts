/**
 * Events by the numbers that they have: of each host and epoch some ranges. So it is written down what was forwarded of a day, and what
 * is about to be.
 */
import { hex64 } from "@hosttrail/lib/block";
import type { SequenceRange } from "../model/index.ts";
import { normalized, sizeOf } from "../ranges/index.ts";

/** Ranges by `<host id>-<epoch>`, as ids of events begin. */
export type Trails = Map<string, SequenceRange[]>;

const LINE = /^([0-9a-f]{32}-[0-9a-f]{16})((?: [0-9a-f]+-[0-9a-f]+)+)$/;

export function trailOf({ hostId, epoch }: { hostId: string; epoch: bigint }): string {
  return `${hostId}-${hex64(epoch)}`;
}

/** Its host, and its epoch. */
export function partsOf(trail: string): { hostId: string; epoch: bigint } {
  const at = trail.lastIndexOf("-");
  return { hostId: trail.slice(0, at), epoch: BigInt(`0x${trail.slice(at + 1)}`) };
}

/** Events in all of them. */
export function eventsOf(trails: Trails): number {
  let sum = 0;
  for (const ranges of trails.values()) sum += Number(sizeOf(ranges));
  return sum;
}

/** What is in any of them. */
export function joined(...all: readonly Trails[]): Trails {
  const sum: Trails = new Map();
  for (const trails of all)
    for (const [key, ranges] of trails) sum.set(key, normalized([...(sum.get(key) ?? []), ...ranges]));
  return sum;
}

/** As text: one line for each trail, in the order of hosts and epochs, numbers in hex. The same trails are the same text. */
export function trailsText(trails: Trails): string {
  return [...trails]
    .filter(([, ranges]) => ranges.length > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, ranges]) => `${key}${ranges.map(({ first, next }) => ` ${hexOf(first)}-${hexOf(next)}`).join("")}\n`)
    .join("");
}

/** The trails of such a text. Throws an Error that names the line where it is none. */
export function trailsFrom(text: string): Trails {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line, at) => {
      const match = LINE.exec(line);
      if (match === null)
        throw new Error(`line ${at + 1} of what was forwarded is no host, epoch and ranges: "${line}"`);
      const [, key = "", words = ""] = match;
      return [key, words.trim().split(" ").map(rangeOf)];
    }),
  );
}

function rangeOf(word: string): SequenceRange {
  const [first = "0", next = "0"] = word.split("-");
  return { first: BigInt(`0x${first}`), next: BigInt(`0x${next}`) };
}

function hexOf(value: bigint): string {
  return value.toString(16);
}
