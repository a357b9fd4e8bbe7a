/** Recorded trails: events as an agent seals them, in files of columns. */
import { readFileSync, writeFileSync } from "node:fs";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ColumnBlock, encodeColumns, EVENTS_MAX } from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";

/** Roles of hosts of which there are trails. */
export const ROLES = ["admin", "build", "web"] as const;

const PLACE = { hostId: "0".repeat(32), epoch: 0n, firstSeq: 0n };
const LENGTH_BYTES = 4;

function fileOf(name: string): string {
  return new URL(`${name}.zst`, import.meta.url).pathname;
}

export function writeTrail(name: string, events: readonly Event[]): void {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < events.length; at += EVENTS_MAX) {
    const columns = encodeColumns(events.slice(at, at + EVENTS_MAX));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(columns.length);
    parts.push(length, columns);
  }
  const params = { [constants.ZSTD_c_compressionLevel]: 19 };
  writeFileSync(fileOf(name), zstdCompressSync(Buffer.concat(parts), { params }));
}

/** All events of a trail, in the order in which they were sealed. */
export function readTrail(name: string): Event[] {
  const bytes = zstdDecompressSync(readFileSync(fileOf(name)));
  const events: Event[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + bytes.readUInt32LE(at);
    events.push(...new ColumnBlock(bytes.subarray(at + LENGTH_BYTES, end), PLACE).events());
    at = end;
  }
  return events;
}
