/**
 * All that was read of one host's trail, and what it comes to: numbers that are missing, links that do not hold, heads that are not those
 * that somebody noted. Pure.
 */
import { hex64 } from "@hosttrail/lib/block";
import type { SequenceRange } from "../model/index.ts";
import type { TimeRange } from "../ask/index.ts";
import type { Claims } from "./claims.ts";
import type { Finding, TrailNote } from "./finding.ts";
import { type Head, type Hole, holesOf, type Piece } from "./numbers.ts";
import { HOLE_GRACE_MS } from "../trail/index.ts";
import type { LoggedDrop } from "./source.ts";

/** A block whose signature, hash and certificate are right. */
export interface Seen extends Piece {
  id: string;
  /** Of its header. */
  epoch: bigint;
  hash: string;
  previous: string;
  /** Kept beside another one that has its numbers. */
  isFork: boolean;
  /** Its events are of the time that is asked about. */
  isAsked: boolean;
  /** It was not yet compacted. */
  isArrival: boolean;
}

/** Numbers that are listed and were not read, or were read and are told as altered. */
export interface Extent {
  epoch: bigint;
  ranges: readonly SequenceRange[];
  firstTimeNano: bigint;
  lastTimeNano: bigint;
}

/** What else is known of the trail. */
export interface Known {
  heads: readonly Head[];
  /** Numbers of which somebody noted that they are stored. */
  stored: readonly (SequenceRange & { epoch: bigint })[];
  drops: readonly LoggedDrop[];
  claims: Claims;
  range: TimeRange;
  /** Milliseconds since 1970. */
  nowMs: number;
}

export class Trail {
  readonly #blocks = new Map<string, Seen>();
  readonly #forks: Seen[] = [];
  readonly #hashes = new Set<string>();
  readonly #extents: Extent[] = [];

  /** Adds a block. Gives the one that has its numbers with the same header, where there is one: then nothing is added. */
  add(seen: Seen): Seen | undefined {
    const key = keyOf(seen.epoch, seen.first);
    const before = this.#blocks.get(key);
    if (before?.hash === seen.hash) return before;
    const sameFork = this.#forks.find(({ hash }) => hash === seen.hash);
    if (sameFork !== undefined) return sameFork;
    this.#hashes.add(seen.hash);
    // Two blocks with the same numbers, both signed: whichever is kept as the first one.
    if (seen.isFork || before !== undefined) this.#forks.push({ ...seen, isFork: true });
    else this.#blocks.set(key, seen);
    return undefined;
  }

  addExtent(extent: Extent): void {
    this.#extents.push(extent);
  }

  /** Blocks that are kept in memory. */
  get size(): number {
    return this.#blocks.size + this.#forks.length;
  }

  /** Blocks that name one before them which was not read. The first ones of an epoch name the last one of another. */
  get openLinks(): Seen[] {
    return [...this.#blocks.values()].filter(
      ({ first, previous, isAsked }) => isAsked && first === 0n && previous !== "" && !this.#hashes.has(previous),
    );
  }

  get notes(): TrailNote[] {
    return this.#forks
      .filter(({ isAsked }) => isAsked)
      .map(({ id, first, next }) => ({
        reason: "FORK",
        detail: `${id}: numbers ${first} to ${next - 1n} stand twice, both signed by the host: a machine set back, or a trail that was written anew`,
      }));
  }

  /** What is missing, and what does not fit together. */
  *findings(known: Known): Iterable<Finding | TrailNote> {
    const heads = Map.groupBy(known.heads, ({ epoch }) => epoch);
    const pieces = this.#pieces();
    for (const epoch of [...new Set([...pieces.keys(), ...heads.keys()])].sort(ascending)) {
      const own = pieces.get(epoch) ?? [];
      const dropped = known.drops.filter((drop) => drop.epoch === epoch);
      for (const hole of holesOf(epoch, own, heads.get(epoch) ?? []))
        if (isWithin(hole, known.range)) yield* findingsOf(epoch, hole, dropped, known);
    }
    yield* this.#links(known);
    for (const head of known.heads) yield* this.#headFindings(head);
  }

  #pieces(): Map<bigint, Piece[]> {
    const pieces = new Map<bigint, Piece[]>();
    const add = (epoch: bigint, piece: Piece): void => {
      const list = pieces.get(epoch);
      if (list === undefined) pieces.set(epoch, [piece]);
      else list.push(piece);
    };
    for (const seen of this.#blocks.values()) add(seen.epoch, seen);
    for (const { epoch, ranges, firstTimeNano, lastTimeNano } of this.#extents)
      for (const range of ranges) add(epoch, { ...range, firstTimeNano, lastTimeNano });
    return pieces;
  }

  /** Each block names the header of the one before it. */
  *#links(known: Known): Iterable<Finding | TrailNote> {
    const ends = new Map(Array.from(this.#blocks.values(), (seen) => [keyOf(seen.epoch, seen.next), seen]));
    for (const seen of this.#blocks.values()) {
      const { id, epoch, first, previous, isAsked } = seen;
      if (!isAsked) continue;
      const before = ends.get(keyOf(epoch, first));
      // A host that was set back goes on from what is a fork here.
      if (before?.hash === previous || this.#hashes.has(previous)) continue;
      if (before !== undefined) {
        const detail = `it names another block before it than ${before.id}, which is stored there`;
        yield { verdict: "altered", reason: "LINK_DIFFERS", subject: id, detail };
      } else if (first === 0n && previous !== "") yield dropBefore(seen, known) ?? this.#lostBefore(seen);
    }
  }

  /** The end of the epoch before is not there. */
  #lostBefore({ id, previous, firstTimeNano }: Seen): Finding {
    let earliestNano: bigint | undefined;
    for (const { lastTimeNano } of [...this.#blocks.values(), ...this.#extents])
      if (lastTimeNano < firstTimeNano && (earliestNano === undefined || lastTimeNano > earliestNano))
        earliestNano = lastTimeNano;
    return {
      verdict: "incomplete",
      reason: "BLOCKS_MISSING",
      subject: "",
      detail: `${id} begins an epoch and names a block before it that is not there: its header's SHA-256 is ${previous}`,
      evidence: "link",
      latestNano: firstTimeNano,
      ...(earliestNano === undefined ? {} : { earliestNano }),
    };
  }

  /** The block that ends where a head says has that head's hash, or a fork has. */
  *#headFindings({ epoch, next, hash, evidence }: Head): Iterable<Finding> {
    if (hash === undefined || hash === "" || this.#hashes.has(hash)) return;
    for (const { id, epoch: own, first, next: end } of this.#blocks.values()) {
      if (own !== epoch || first >= next || end < next) continue;
      const detail = `the ${evidence} names another block that ends with number ${next - 1n}: its header's SHA-256 is ${hash}`;
      yield { verdict: "altered", reason: "HEAD_DIFFERS", subject: id, detail, evidence };
    }
  }
}

/** Says that retention dropped the block which the first one of an epoch names. */
function dropBefore({ id, previous }: Seen, { heads, drops }: Known): TrailNote | undefined {
  const named = heads.find(({ hash }) => hash === previous);
  const drop = drops.find(
    ({ epoch, ranges }) =>
      named?.epoch === epoch && ranges.some(({ first, next }) => first < named.next && named.next <= next),
  );
  if (drop === undefined) return undefined;
  const when = new Date(drop.timeMs).toISOString();
  const detail = `the block before ${id}: dropped by retention (policy ${drop.policy}, ${when})`;
  return { reason: "DROPPED", detail };
}

function isWithin({ earliestNano, latestNano }: Hole, { startNano, endNano }: TimeRange): boolean {
  return earliestNano < endNano && latestNano >= startNano;
}

/** A hole without what retention dropped of it. */
function* findingsOf(
  epoch: bigint,
  hole: Hole,
  drops: readonly LoggedDrop[],
  { claims, stored, nowMs }: Known,
): Iterable<Finding | TrailNote> {
  const { earliestNano, latestNano, evidence, seenMs } = hole;
  for (const { part, drop } of splitByDrops(hole, drops)) {
    const numbers = `numbers ${part.first} to ${part.next - 1n} of epoch ${hex64(epoch)}`;
    if (drop !== undefined) {
      const when = new Date(drop.timeMs).toISOString();
      yield { reason: "DROPPED", detail: `${numbers}: dropped by retention (policy ${drop.policy}, ${when})` };
      continue;
    }
    const wasStored = stored.some((each) => each.epoch === epoch && each.first < part.next && part.first < each.next);
    if (!wasStored && seenMs !== undefined && seenMs > nowMs - HOLE_GRACE_MS) {
      // Blocks pass each other on their way.
      yield { reason: "ON_ITS_WAY", detail: `${numbers}: the block behind them came less than a minute ago` };
      continue;
    }
    const fate = claims.fateOf(epoch, part);
    const said = fate === undefined ? "" : `; the host itself says that they are ${fate}`;
    yield {
      verdict: "incomplete",
      reason: "BLOCKS_MISSING",
      subject: "",
      detail: `${numbers} are not there, by the ${evidence}${said}`,
      epoch,
      range: part,
      earliestNano,
      latestNano,
      evidence,
      isAdmitted: fate !== undefined,
    };
  }
}

interface Part {
  part: SequenceRange;
  drop: LoggedDrop | undefined;
}

function splitByDrops({ first, next }: SequenceRange, drops: readonly LoggedDrop[]): Part[] {
  const parts: Part[] = [];
  const gone = drops
    .flatMap((drop) => drop.ranges.map((range) => ({ range, drop })))
    .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
  let at = first;
  for (const { range, drop } of gone) {
    const from = range.first > at ? range.first : at;
    const to = range.next < next ? range.next : next;
    if (from >= to) continue;
    if (from > at) parts.push({ part: { first: at, next: from }, drop: undefined });
    parts.push({ part: { first: from, next: to }, drop });
    at = to;
  }
  if (at < next) parts.push({ part: { first: at, next }, drop: undefined });
  return parts;
}

function keyOf(epoch: bigint, seq: bigint): string {
  return `${epoch} ${seq}`;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
