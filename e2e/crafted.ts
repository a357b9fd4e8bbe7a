/** Blocks that no agent makes, well signed: what a host could send whose administrator means harm. */
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { encodeColumns, encodeHeader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block, Codec, EventColumns } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import type { BlockAbout } from "./blocks.ts";

/** What is wrong with it. */
export const CRAFTS = ["rows", "string", "actions", "garbage", "lists"] as const;
export type Craft = (typeof CRAFTS)[number];

const ROWS = 1 << 20;

/** A signed block around these columns. */
function around(keyFile: string, about: BlockAbout, columns: Uint8Array): Uint8Array {
  const timeNano = BigInt(Date.now()) * 1_000_000n;
  const header = encodeHeader({
    formatVersion: 2,
    hostId: about.hostId,
    epoch: about.epoch,
    firstSeq: about.firstSeq,
    count: 1,
    firstTimeUnixNano: timeNano,
    lastTimeUnixNano: timeNano,
    bootId: "",
    columnsBytes: columns.length,
    columnsSha256: nodePrimitives.sha256(columns),
    previousHeaderSha256: new Uint8Array(0),
    flags: 0,
    agentVersion: "0",
  });
  const key = createPrivateKey(readFileSync(keyFile));
  const signature = sign(null, Buffer.concat([Buffer.from("hosttrail-block-v2\0"), header]), key);
  return Block.encode({ header, signature, payload: nodePrimitives.compress(columns), codec: Codec.ZSTD }).finish();
}

const oneEvent = (): Event =>
  Event.fromPartial({ event: { action: "crafted", timeUnixNano: BigInt(Date.now()) * 1_000_000n } });

/** Columns by what is wrong with them. */
const COLUMNS: Readonly<Record<Craft, () => Uint8Array>> = {
  // A few bytes that say a million rows in each table.
  rows() {
    const count = ROWS;
    const rows = { count };
    return EventColumns.encode(
      EventColumns.fromPartial({
        count: 1,
        kinds: rows,
        hosts: rows,
        processes: rows,
        users: rows,
        files: rows,
        endpoints: rows,
        containers: rows,
        clouds: rows,
        syscalls: rows,
        records: rows,
        references: rows,
        ancestries: rows,
        groups: rows,
        fileStates: rows,
      }),
    ).finish();
  },
  // A string of 20 MB, small when compressed.
  string: () =>
    encodeColumns([
      { ...oneEvent(), process: Event.fromPartial({ process: { title: "x".repeat(20 << 20) } }).process },
    ]),
  // Many long actions: the index of a block holds each.
  actions: () =>
    encodeColumns(
      Array.from({ length: 1500 }, (_, at) => {
        const event = oneEvent();
        return { ...event, event: event.event && { ...event.event, action: `${at}-${"a".repeat(12_000)}` } };
      }),
    ),
  garbage: () => Uint8Array.from({ length: 500 }, (_, at) => (at * 37) % 251),
  // One event with a million items in a list.
  lists: () =>
    EventColumns.encode(
      EventColumns.fromPartial({
        count: 1,
        strings: { lengths: [1], data: new Uint8Array([97]) },
        processes: { count: 1, argsLength: [ROWS], args: Array.from({ length: ROWS }, () => 1) },
        events: { process: [1] },
      }),
    ).finish(),
};

/** A block that is wrong in this way. */
export function craft(kind: Craft, keyFile: string, about: BlockAbout): Uint8Array {
  return around(keyFile, about, COLUMNS[kind]());
}
