/** The ledger that an agent told, read from its event. What a host says of itself is not believed beyond its form. Pure. */
import type { AuditRecord } from "@hosttrail/proto/event";
import type { EpochRange } from "./numbers.ts";

/** Counts of what changed since the report before, by the names that they have in the record. */
export const FLOWS = [
  "kernelLost",
  "serialGaps",
  "overruns",
  "records",
  "unreadable",
  "unreadFiles",
  "events",
  "own",
  "repeated",
  "shed",
  "failed",
  "redacted",
  "accepted",
  "spooled",
  "sent",
  "received",
  "stored",
  "evicted",
  "quarantined",
  "returned",
  "discarded",
  "found",
] as const;
/** How many there were at its end. */
export const LEVELS = ["held", "pending", "inSpool"] as const;

export type Flow = (typeof FLOWS)[number];
export type Level = (typeof LEVELS)[number];

export interface LedgerReport {
  /** Its own place in the trail. */
  epoch: bigint;
  seq: bigint;
  /** From when to when its counts are, milliseconds since 1970 by the host's clock. */
  fromMs: number;
  toMs: number;
  counts: Readonly<Record<Flow | Level, bigint>>;
  /** Equations that did not hold, as the agent found itself. */
  unbalanced: bigint;
  /** Where its numbers went on: the epoch and the next number. Undefined where it said none. */
  position: { epoch: bigint; next: bigint } | undefined;
  /** Numbers that were given up since the report before; that were in the spool; that were in the quarantine. */
  evicted: readonly EpochRange[];
  kept: readonly EpochRange[];
  quarantined: readonly EpochRange[];
}

const RECORD_NAME = "HOSTTRAIL_LEDGER";
const NUMBER = /^\d{1,19}$/;
const HEX = /^[0-9a-f]{1,16}$/;
const RANGE = /^([0-9a-f]{1,16})-(\d{1,20})\+(\d{1,16})$/;
/** Ranges of one kind that are read, at most: agents tell of 64, and each epoch may have one more. */
const RANGES_MAX = 256;
const SEQ_MAX = (1n << 64n) - 1n;
/** Larger counts are no counts: sums of them stay within 64 bits. */
const COUNT_MAX = 1n << 53n;
/** The last millisecond of the year 9999. */
const TIME_MS_MAX = 253_402_300_799_999;

/** Undefined where the record is no ledger, or says no time. */
export function reportOf(
  { type, typeName, fields }: Pick<AuditRecord, "type" | "typeName" | "fields">,
  place: { epoch: bigint; seq: bigint },
): LedgerReport | undefined {
  // A record of user space has another type, whatever it calls itself.
  if (type !== 0 || typeName !== RECORD_NAME) return undefined;
  const texts = new Map(fields.map(({ key, value }) => [key, value]));
  const [fromMs, toMs] = [timeOf(texts.get("from_ms")), timeOf(texts.get("to_ms"))];
  if (fromMs === undefined || toMs === undefined) return undefined;
  const counts = Object.fromEntries([...FLOWS, ...LEVELS].map((name) => [name, countOf(texts.get(name))]));
  return {
    ...place,
    fromMs,
    toMs,
    counts: counts as LedgerReport["counts"],
    unbalanced: countOf(texts.get("unbalanced")),
    position: positionOf(texts.get("epoch"), texts.get("next_seq")),
    evicted: rangesOf(texts.get("evicted_ranges")),
    kept: rangesOf(texts.get("kept_ranges")),
    quarantined: rangesOf(texts.get("quarantined_ranges")),
  };
}

function timeOf(text = ""): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return value <= TIME_MS_MAX ? value : undefined;
}

function countOf(text = ""): bigint {
  const value = NUMBER.test(text) ? BigInt(text) : 0n;
  return value > COUNT_MAX ? COUNT_MAX : value;
}

function positionOf(epoch = "", next = ""): LedgerReport["position"] {
  if (!HEX.test(epoch) || !/^\d{1,20}$/.test(next) || BigInt(next) > SEQ_MAX) return undefined;
  return { epoch: BigInt(`0x${epoch}`), next: BigInt(next) };
}

function rangesOf(text = ""): EpochRange[] {
  const ranges: EpochRange[] = [];
  for (const part of text.split(" ", RANGES_MAX)) {
    const [, epoch, first, count] = RANGE.exec(part) ?? [];
    if (epoch === undefined || first === undefined || count === undefined) continue;
    const start = BigInt(first);
    ranges.push({ epoch: BigInt(`0x${epoch}`), first: start, next: start + BigInt(count) });
  }
  return ranges;
}
