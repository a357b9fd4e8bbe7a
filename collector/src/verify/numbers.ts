/** Which numbers of an epoch are there, and which of those that were handed out are not. Pure. */
import { epochMs } from "@hosttrail/lib/block";
import type { SequenceRange } from "../model/index.ts";
import type { Evidence } from "./finding.ts";

/** Numbers that are accounted for, and the times of their events, nanoseconds. */
export interface Piece extends SequenceRange {
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  /** When the collector got it, milliseconds, where that is known. */
  receivedMs?: number;
}

/** Somebody's word for how far an epoch went. */
export interface Head {
  epoch: bigint;
  /** The number after the last event. */
  next: bigint;
  /** SHA-256 of the last block's header, hex, where it is known. */
  hash?: string;
  /** No event before the head is later than this, nanoseconds, where clocks were right. */
  timeNano: bigint;
  evidence: Exclude<Evidence, "chain" | "link">;
}

/** Numbers that are not there. */
export interface Hole extends SequenceRange {
  earliestNano: bigint;
  latestNano: bigint;
  evidence: Evidence;
  /** When it was first seen: when the block behind it came, milliseconds, where that is known. */
  seenMs?: number;
}

/** The holes of one epoch, from its first number, 0, to the furthest head, in order. */
export function holesOf(epoch: bigint, pieces: readonly Piece[], heads: readonly Head[]): Hole[] {
  const holes: Hole[] = [];
  let at = 0n;
  let beforeNano = startOf(epoch);
  for (const piece of pieces.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    if (piece.first > at) {
      const { receivedMs: seenMs } = piece;
      const hole: Hole = {
        first: at,
        next: piece.first,
        ...between(beforeNano, piece.firstTimeNano),
        evidence: "chain",
      };
      holes.push(seenMs === undefined ? hole : { ...hole, seenMs });
    }
    if (piece.next > at) {
      at = piece.next;
      beforeNano = piece.lastTimeNano;
    }
  }
  const [furthest] = heads.toSorted(furthestFirst);
  if (furthest !== undefined && furthest.next > at) {
    const { next, timeNano, evidence } = furthest;
    holes.push({ first: at, next, ...between(beforeNano, timeNano), evidence });
  }
  return holes;
}

/** Who can be believed most is named where several say the same. */
const ORDER: readonly Head["evidence"][] = ["log", "ledger", "host document"];

function furthestFirst(a: Head, b: Head): number {
  if (a.next !== b.next) return a.next > b.next ? -1 : 1;
  return ORDER.indexOf(a.evidence) - ORDER.indexOf(b.evidence);
}

/** Clocks are set back: what is between two times is between them in either order. */
function between(a: bigint, b: bigint): Pick<Hole, "earliestNano" | "latestNano"> {
  return a <= b ? { earliestNano: a, latestNano: b } : { earliestNano: b, latestNano: a };
}

const NANOS_OF_MS = 1_000_000n;

/** When an epoch began, by the host's clock, nanoseconds. */
function startOf(epoch: bigint): bigint {
  return BigInt(epochMs(epoch)) * NANOS_OF_MS;
}
