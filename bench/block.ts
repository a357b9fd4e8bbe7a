/**
 * `./dev bench block`: the block's codec against row protobuf and JSON, on a recorded capture, in one run.
 *
 * Bytes are after zstd with the same settings; speeds are events per CPU second of this process (user and system), the best
 * of several rounds, encoding with compression and decoding with decompression. Goals: at most 45 bytes an event at 500
 * events a block, encode 250,000/s and decode 600,000/s.
 */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { SearchEventsResponse } from "@hosttrail/proto/query";
import { captureGroups, captureLines, eventsOf, HOST_ID } from "./capture.ts";

const ROUNDS = 7;
const ROUND_SECONDS = 0.7;
const position = { hostId: HOST_ID, epoch: 1n, firstSeq: 0n };
const compress = (bytes: Uint8Array): Uint8Array => nodePrimitives.compress(bytes);
const decompress = (bytes: Uint8Array, bytesMax: number): Uint8Array => nodePrimitives.decompress(bytes, bytesMax);

/** Most events per CPU second over several rounds. */
function rate(events: number, run: () => void): number {
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const end = performance.now() + ROUND_SECONDS * 1000;
    const before = process.cpuUsage();
    let count = 0;
    while (performance.now() < end) {
      run();
      count += events;
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, count / ((user + system) / 1e6));
  }
  return best;
}

interface Codec {
  name: string;
  /** Before compression. */
  encode: (events: Event[]) => Uint8Array;
  /** After decompression. */
  decode: (bytes: Uint8Array) => unknown;
}

const utf8 = new TextEncoder();
const codecs: Codec[] = [
  {
    name: "block (to events)",
    encode: encodeColumns,
    decode: (bytes) => new ColumnBlock(bytes, position).events(),
  },
  {
    name: "block (to columns)",
    encode: encodeColumns,
    decode(bytes) {
      const block = new ColumnBlock(bytes, position);
      const { kinds, hosts, processes, users, files, endpoints, syscalls, records } = block;
      const tables = [kinds, hosts, processes, users, files, endpoints, syscalls, records];
      return [block.columns, tables.map((table) => table.rows.length)];
    },
  },
  {
    name: "row protobuf",
    encode: (events) => SearchEventsResponse.encode({ events, nextPageToken: "" }).finish(),
    decode: (bytes) => SearchEventsResponse.decode(bytes),
  },
  {
    name: "JSON",
    encode: (events) => utf8.encode(JSON.stringify(events.map((event) => Event.toJSON(event)))),
    decode: (bytes) => (JSON.parse(Buffer.from(bytes).toString()) as unknown[]).map((row) => Event.fromJSON(row)),
  },
];

const groups = captureGroups();
const events = eventsOf(groups);
const lines = captureLines();
const rawBytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
process.stdout.write(
  `capture: ${events.length} events, ${lines.length} records, ${(rawBytes / events.length).toFixed(0)} bytes an event as audit.log\n\n`,
);

const rows = [["", "bytes/event", "encode/s", "decode/s"]];
for (const size of [500, 2000]) {
  const batches: Event[][] = [];
  for (let at = 0; at + size <= events.length; at += size) batches.push(events.slice(at, at + size));
  const total = batches.length * size;
  for (const { name, encode, decode } of codecs) {
    const encoded = batches.map((batch) => {
      const plain = encode(batch);
      return { size: plain.length, compressed: compress(plain) };
    });
    const bytes = encoded.reduce((sum, { compressed }) => sum + compressed.length, 0);
    const encodeRate = rate(total, () => batches.forEach((batch) => compress(encode(batch))));
    // The size before compression is known to the reader: it stands in the block's header.
    const decodeRate = rate(total, () => {
      for (const { size: plain, compressed } of encoded) decode(decompress(compressed, plain));
    });
    rows.push([
      `${name}, ${size} a block`,
      (bytes / total).toFixed(1),
      Math.round(encodeRate).toLocaleString("en"),
      Math.round(decodeRate).toLocaleString("en"),
    ]);
  }
}
const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
for (const row of rows) {
  process.stdout.write(
    `${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  ")}\n`,
  );
}
