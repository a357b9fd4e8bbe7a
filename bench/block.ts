/**
 * `./dev bench block`: the block's codec against row protobuf and JSON, on a recorded capture, in one run.
 *
 * Bytes are after zstd with the same settings. Speeds are events per CPU second of this process (user and system), encoding with
 * compression and decoding with decompression. The machine is shared and its speed swings, so all codecs take turns
 * in short rounds: the best round tells of the code, the median of the machine as well. Goals for the best: at most
 * 45 bytes an event at 500 events a block, encode 250,000/s and decode 600,000/s.
 */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { SearchEventsResponse } from "@hosttrail/proto/query";
import { captureGroups, captureLines, eventsOf, HOST_ID } from "./capture.ts";
import { tellLook } from "./look.ts";
import { tellWay } from "./way.ts";

const ROUNDS = 15;
const ROUND_MS = 200;
const BLOCK_SIZES = [1, 5, 50, 500, 2000] as const;
const position = { hostId: HOST_ID, epoch: 1n, firstSeq: 0n };
const compress = (bytes: Uint8Array): Uint8Array => nodePrimitives.compress(bytes);
const decompress = (bytes: Uint8Array, bytesMax: number): Uint8Array => nodePrimitives.decompress(bytes, bytesMax);

/** Events per CPU second in one round. */
function rate(events: number, run: () => void): number {
  const end = performance.now() + ROUND_MS;
  const before = process.cpuUsage();
  let count = 0;
  while (performance.now() < end) {
    run();
    count += events;
  }
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
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
      return [block.columns.readAll(), tables.map((table) => table.rows.length)];
    },
  },
  {
    name: "row protobuf",
    encode: (events) => SearchEventsResponse.encode(SearchEventsResponse.fromPartial({ events })).finish(),
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

/** One codec at one block size, and what its rounds gave. */
interface Contestant {
  name: string;
  bytesPerEvent: number;
  encode: () => void;
  decode: () => void;
  events: number;
  encodeRates: number[];
  decodeRates: number[];
}

function enter({ name, encode, decode }: Codec, size: number): Contestant {
  const batches: Event[][] = [];
  for (let at = 0; at + size <= events.length; at += size) batches.push(events.slice(at, at + size));
  const encoded = batches.map((batch) => {
    const plain = encode(batch);
    return { size: plain.length, compressed: compress(plain) };
  });
  const count = batches.length * size;
  return {
    name: `${name}, ${size} a block`,
    bytesPerEvent: encoded.reduce((sum, { compressed }) => sum + compressed.length, 0) / count,
    encode: () => batches.forEach((batch) => compress(encode(batch))),
    // The size before compression is known to the reader: it stands in the block's header.
    decode: () => encoded.forEach(({ size: plain, compressed }) => decode(decompress(compressed, plain))),
    events: count,
    encodeRates: [],
    decodeRates: [],
  };
}

function bestAndMedian(rates: readonly number[]): string[] {
  const sorted = rates.toSorted((a, b) => b - a);
  return [sorted[0], sorted[sorted.length >> 1]].map((each) => Math.round(each ?? 0).toLocaleString("en"));
}

const contestants = BLOCK_SIZES.flatMap((size) => codecs.map((codec) => enter(codec, size)));
for (let round = 0; round < ROUNDS; round++) {
  for (const contestant of contestants) {
    contestant.encodeRates.push(rate(contestant.events, contestant.encode));
    contestant.decodeRates.push(rate(contestant.events, contestant.decode));
  }
}
const rows = [
  ["", "bytes/event", "encode/s best", "median", "decode/s best", "median"],
  ...contestants.map(({ name, bytesPerEvent, encodeRates, decodeRates }) => [
    name,
    bytesPerEvent.toFixed(1),
    ...bestAndMedian(encodeRates),
    ...bestAndMedian(decodeRates),
  ]),
];
const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
for (const row of rows) {
  const cells = row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
  process.stdout.write(`${cells.join("  ")}\n`);
}
tellLook(events, BLOCK_SIZES, ROUNDS, rate);
tellWay();
