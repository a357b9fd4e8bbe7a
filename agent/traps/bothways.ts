/** Events made in both ways: each from its records, and those of a shape that came before from what was made then. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Event } from "@hosttrail/proto/event";
import { Enricher } from "../src/enrich/index.ts";
import { EventMaker } from "../src/make/index.ts";
import type { RecordGroup, Repetition } from "../src/model/index.ts";
import { Reassembler } from "../src/reassemble/index.ts";
import { Redactor } from "../src/redact/index.ts";
import { openSource } from "../src/source/index.ts";
import { writeRing } from "./ring.ts";

const MIB = 1024 * 1024;
const BOOT_ID = "both ways";
const DIFFERING_MAX = 5;
/** Looks without anything new after which all has come. */
const CALM_LOOKS = 3;

export interface Way {
  /** Each event's bytes, in the order in which they came. */
  events: Buffer[];
  /** Events that were not made of their records. */
  repeated: number;
  /** Secrets that were replaced. */
  redacted: number;
}

/** Makes the events of these frames; needs the kernel's audit for its socket alone. `accepts` leaves out what the kernel says meanwhile. */
export async function makeEvents(
  frames: readonly Buffer[],
  withRepetitions: boolean,
  accepts: (serial: number) => boolean,
): Promise<Way> {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-ways-"));
  const ringPath = join(folder, "ring");
  const ringBytes = 256 * MIB;
  writeRing(ringPath, { bootId: BOOT_ID, ringBytes, frames });
  const redactor = new Redactor({ enabled: true, patterns: [], key: Buffer.alloc(32) });
  // Of another host's records no process and no name can be asked for, which would change between two ways.
  const enricher = new Enricher({
    hostId: "0".repeat(32),
    bootId: BOOT_ID,
    labels: {},
    local: false,
    executableHashBytesMax: 0,
    cloud: "none",
    imdsEndpoint: "",
    redact: (args) => redactor.arguments(args),
  });
  const maker = new EventMaker({ redactor, enricher, priorities: { low: [], high: [] } });
  const way: Way = { events: [], repeated: 0, redacted: 0 };
  const keep = (event: Event, serial: number): void => {
    if (accepts(serial)) way.events.push(Buffer.from(Event.encode(event).finish()));
  };
  let nowMs = 0;
  const accept = (group: RecordGroup): void => {
    const made = maker.make(group, nowMs);
    keep(made.event, group.serial);
    maker.remember(group, made, nowMs);
  };
  const acceptAgain = (repetition: Repetition, arrivedMs: number): boolean => {
    const made = maker.repeat(repetition, arrivedMs);
    if (made === undefined || !reassembler.pass(repetition)) return false;
    maker.keep(made);
    keep(made.event, repetition.serial);
    way.repeated++;
    return true;
  };
  const reassembler = new Reassembler({ timeoutMs: 60_000, bytesMax: 512 * MIB, endOfEventExpected: true }, accept);
  const source = openSource(
    { mode: "multicast", path: "", receiveBufferBytes: MIB, ringBytes, ringPath, bootId: BOOT_ID },
    (record, arrivedMs) => {
      nowMs = arrivedMs;
      reassembler.push(record, arrivedMs);
    },
    withRepetitions ? acceptAgain : undefined,
  );
  try {
    for (let calm = 0, before = -1; calm < CALM_LOOKS; before = way.events.length) {
      await sleep(200);
      calm = way.events.length === before ? calm + 1 : 0;
    }
  } finally {
    await source.close(true);
    enricher.close();
    rmSync(folder, { recursive: true });
  }
  reassembler.flush("end");
  way.redacted = redactor.count;
  return way;
}

/** The first events that are not the same in both. */
export function differing(alone: Way, both: Way): string[] {
  const found: string[] = [];
  for (let at = 0; at < Math.max(alone.events.length, both.events.length) && found.length < DIFFERING_MAX; at++) {
    const one = alone.events[at];
    const other = both.events[at];
    const isSame = one !== undefined && other !== undefined && one.equals(other);
    if (!isSame) found.push(`${show(one)}\nand ${show(other)}`);
  }
  return found;
}

function show(bytes: Buffer | undefined): string {
  return bytes === undefined ? "none" : inspect(Event.decode(bytes), { depth: 6 });
}
