/** What it takes to see that all of a block can be read, as the store role does before it relies on it: its columns' hash, and one of two ways. */
import { ColumnBlock, encodeColumns, scanPayload } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { HOST_ID } from "./capture.ts";

const POSITION = { hostId: HOST_ID, epoch: 1n, firstSeq: 0n };
const ALWAYS = { hostId: HOST_ID, firstTimeUnixNano: 0n, lastTimeUnixNano: (1n << 63n) - 1n };

/** Prints events per CPU second by events a block; `rate` measures one round. */
export function tellLook(
  events: readonly Event[],
  sizes: readonly number[],
  rounds: number,
  rate: (events: number, run: () => void) => number,
): void {
  process.stdout.write(
    "\nwhether a block can be read, events per CPU second: best and median, without decompression\n",
  );
  for (const size of sizes) {
    const payloads: Uint8Array[] = [];
    for (let at = 0; at + size <= events.length; at += size) payloads.push(encodeColumns(events.slice(at, at + size)));
    let taken = 0;
    const looked: number[] = [];
    const made: number[] = [];
    for (let round = 0; round < rounds; round++) {
      looked.push(
        rate(payloads.length * size, () => {
          taken = 0;
          for (const payload of payloads) {
            nodePrimitives.sha256(payload);
            if (scanPayload(payload, { ...ALWAYS, count: size }) !== undefined) taken++;
          }
        }),
      );
      made.push(
        rate(payloads.length * size, () => {
          for (const payload of payloads) {
            nodePrimitives.sha256(payload);
            new ColumnBlock(payload, POSITION).check();
          }
        }),
      );
    }
    const told = [looked, made].map((rates) => {
      const sorted = rates.toSorted((a, b) => b - a);
      return [sorted[0], sorted[rounds >> 1]]
        .map((each) =>
          Math.round(each ?? 0)
            .toLocaleString("en")
            .padStart(10),
        )
        .join("");
    });
    process.stdout.write(
      `${String(size).padStart(5)} a block: looked over ${told[0]} (${taken} of ${payloads.length} blocks), by making rows ${told[1]}\n`,
    );
  }
}
