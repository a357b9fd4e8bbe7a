/** Reads payloads of one host, and checks all that can be checked of each by itself. */
import { setImmediate } from "node:timers/promises";
import { hex64 } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { TimeRange } from "../ask/index.ts";
import { MovedError } from "../history/index.ts";
import type { CatalogEntry, SequenceRange } from "../model/index.ts";
import { forkEpoch, isNotice } from "../trail/index.ts";
import { type BrokenBlock, isOfBytes, type OpenStored, openStored, type StoredBlock } from "./blocks.ts";
import type { Claims } from "./claims.ts";
import { arrivalProblems, Content } from "./document.ts";
import type { Finding, Findings, TrailNote } from "./finding.ts";
import type { HostKeys } from "./keys.ts";
import { isOf, rangesOf } from "./plan.ts";
import { isMoved, type Listed } from "./shelf.ts";
import type { KeptSource } from "./source.ts";
import type { Seen, Trail } from "./trail.ts";

/** What reading works on. */
export interface Reading {
  source: KeptSource;
  keys: HostKeys;
  range: TimeRange;
  trail: Trail;
  claims: Claims;
  findings: Findings;
  note: (note: TrailNote) => void;
  /** Told of each block that is right. */
  take: (block: StoredBlock, seen: Seen) => Promise<void> | void;
}

/** Work on blocks gives way to others after so long. */
const BREATH_MS = 20;
/** A damaged segment names so many of its blocks, at most. */
const BROKEN_MAX = 10;

/** Reads one payload. Throws a MovedError where others took its place: then all that was listed is listed anew. */
export async function readPayload(listed: Listed, reading: Reading): Promise<void> {
  const { findings, trail } = reading;
  const { place, id, from } = listed;
  const bytes = await bytesOf(listed, reading.source);
  if (bytes === undefined) {
    findings.add(payloadMissing(listed));
    trail.addExtent(extentOf(listed));
    return;
  }
  const isDamaged = "entry" in from && !isSame(nodePrimitives.sha256(bytes), from.entry.sha256);
  if (isDamaged) {
    const detail = `its SHA-256 is not the one that the catalog of ${place} lists`;
    findings.add({ verdict: "altered", reason: "PAYLOAD_DIFFERS", subject: id, detail });
  }
  let opened: OpenStored;
  try {
    opened = openStored(listed, bytes);
  } catch (error) {
    if (!isOfBytes(error)) throw error;
    findings.add({ verdict: "altered", reason: "PAYLOAD_DIFFERS", subject: id, detail: error.message });
    trail.addExtent(extentOf(listed));
    return;
  }
  const reader = new PayloadReader(listed, bytes.length, reading);
  let breathedMs = performance.now();
  for (const block of opened.blocks) {
    await reader.add(block);
    if (performance.now() - breathedMs < BREATH_MS) continue;
    await setImmediate();
    breathedMs = performance.now();
  }
  reader.finish();
  if ("entry" in from) await checkSieve(listed, from.entry, reading);
  if (!reader.isBroken) readClaims(opened, reading.claims);
}

async function bytesOf({ hostId, place, id, from }: Listed, source: KeptSource): Promise<Uint8Array | undefined> {
  if ("arrival" in from) return from.arrival.bytes;
  const bytes = await source.payload(place, id);
  if (bytes === undefined && (await isMoved(source, place, hostId, id)))
    throw new MovedError(`${place} ${id} is elsewhere now`);
  return bytes;
}

/** A sieve that is not the right one hides nothing, since readers make sure of it; but somebody has been there. */
async function checkSieve(
  { hostId, place, id }: Listed,
  { sieveSha256 }: CatalogEntry,
  { source, findings }: Reading,
): Promise<void> {
  const sieve = await source.sieve(place, id);
  if (sieve !== undefined && isSame(nodePrimitives.sha256(sieve), sieveSha256)) return;
  if (sieve === undefined && (await isMoved(source, place, hostId, id)))
    throw new MovedError(`${place} ${id} is elsewhere now`);
  const detail = `its sieve is not the one that the catalog of ${place} lists`;
  findings.add({ verdict: "altered", reason: "DOCUMENT_DIFFERS", subject: id, detail });
}

function payloadMissing(listed: Listed): Finding {
  const { place, id, epoch, firstTimeNano, lastTimeNano } = listed;
  const ranges = rangesOf(listed);
  const [first, last] = [ranges[0], ranges.at(-1)];
  const numbers = ranges.map((range) => `${range.first} to ${range.next - 1n}`).join(", ");
  return {
    verdict: "incomplete",
    reason: "BLOCKS_MISSING",
    subject: id,
    detail: `numbers ${numbers} of epoch ${hex64(epoch)} are listed in the catalog of ${place} and not there`,
    epoch,
    ...(first === undefined || last === undefined ? {} : { range: { first: first.first, next: last.next } }),
    earliestNano: firstTimeNano,
    latestNano: lastTimeNano,
    evidence: "chain",
  };
}

function extentOf(listed: Listed) {
  const { epoch, firstTimeNano, lastTimeNano } = listed;
  return { epoch, ranges: rangesOf(listed), firstTimeNano, lastTimeNano };
}

/** Only what the host signed is its word. */
function readClaims(opened: OpenStored, claims: Claims): void {
  try {
    for (const record of opened.records()) claims.add(record);
  } catch (error) {
    if (!isOfBytes(error)) throw error;
  }
}

/** The blocks of one payload, one after the other. */
class PayloadReader {
  readonly #listed: Listed;
  readonly #bytes: number;
  readonly #reading: Reading;
  readonly #content = new Content();
  #broken = 0;
  /** Hash of the block before where that is not as it was sealed: the next one was made again with it. */
  #brokenHash = "";
  #spoilt = 0;
  /** Something of it is not the host's. */
  isBroken = false;

  constructor(listed: Listed, bytes: number, reading: Reading) {
    this.#listed = listed;
    this.#bytes = bytes;
    this.#reading = reading;
  }

  async add(block: StoredBlock | BrokenBlock): Promise<void> {
    if ("problem" in block) {
      this.#break(block.id, block.range, { reason: "PAYLOAD_DIFFERS", detail: block.problem });
      return;
    }
    this.#content.add(block);
    const { header } = block.parsed;
    const range = { first: header.firstSeq, next: header.firstSeq + BigInt(header.count) };
    if (header.hostId !== this.#listed.hostId) {
      this.#break(this.#subject(block), range, {
        reason: "DOCUMENT_DIFFERS",
        detail: `it is a block of host ${header.hostId}`,
      });
      return;
    }
    const isUnsigned = block.parsed.block.signature.every((byte) => byte === 0);
    if (isUnsigned) {
      this.#takeUnsigned(block, range);
      return;
    }
    const signed = this.#reading.keys.check(block.parsed, block.receivedMs);
    if ("verdict" in signed) {
      this.#refuse(block, range, signed);
      return;
    }
    if (block.signer !== signed.fingerprint)
      this.#tell(
        this.#subject(block),
        "DOCUMENT_DIFFERS",
        "another key is noted beside it than the one that signed it",
      );
    await this.#takeSigned(block, range);
  }

  /** Under which it is kept. */
  #subject({ id }: StoredBlock): string {
    return "arrival" in this.#listed.from ? this.#listed.id : id;
  }

  #refuse(
    block: StoredBlock,
    range: SequenceRange,
    { verdict, reason, detail }: Pick<Finding, "verdict" | "reason" | "detail">,
  ): void {
    if (verdict === "altered") {
      const isSpoilt = this.#brokenHash !== "" && block.previous === this.#brokenHash;
      this.#brokenHash = block.hash;
      if (isSpoilt) {
        this.#spoilt++;
        this.isBroken = true;
        this.#addExtent(range);
      } else this.#break(this.#subject(block), range, { reason, detail });
      return;
    }
    this.isBroken = true;
    this.#addExtent(range);
    this.#reading.findings.addAlike({ verdict, reason, detail, subject: this.#subject(block) });
  }

  #takeUnsigned(block: StoredBlock, range: SequenceRange): void {
    this.isBroken = true;
    let isOurs = false;
    try {
      isOurs = isNotice(block.parsed);
    } catch (error) {
      if (!isOfBytes(error)) throw error;
    }
    if (!isOurs) {
      this.#break(this.#subject(block), range, { reason: "UNSIGNED", detail: "nobody signed it" });
      return;
    }
    this.#compareDocument(block);
    this.#addExtent(range);
    const detail = `${block.id}: an event of the collector's own about this trail; it has no signature`;
    this.#reading.note({ reason: "COLLECTOR_EVENT", detail });
  }

  async #takeSigned(block: StoredBlock, range: SequenceRange): Promise<void> {
    const { range: asked, trail, findings, take } = this.#reading;
    const { header } = block.parsed;
    const isFork = block.epoch !== header.epoch && block.epoch === forkEpoch(block.hash);
    if (!isFork && block.epoch !== header.epoch)
      this.#tell(this.#subject(block), "DOCUMENT_DIFFERS", `it is of epoch ${hex64(header.epoch)}`);
    this.#compareDocument(block);
    const times = { firstTimeNano: header.firstTimeUnixNano, lastTimeNano: header.lastTimeUnixNano };
    const seen: Seen = {
      id: block.id,
      epoch: header.epoch,
      ...range,
      ...times,
      receivedMs: block.receivedMs,
      hash: block.hash,
      previous: block.previous,
      isFork,
      isAsked: isOf(times, asked),
      isArrival: "arrival" in this.#listed.from,
    };
    const other = trail.add(seen);
    if (other === undefined) await take(block, seen);
    // What was compacted stays among the arrivals for a moment, or where somebody was ended; readers do not see it twice.
    else if (other.isFork !== isFork || !(other.isArrival || seen.isArrival)) {
      const detail = `the same block stands twice: here and as ${other.id}`;
      findings.add({ verdict: "altered", reason: "REPEATED", subject: this.#subject(block), detail });
    }
  }

  #compareDocument(block: StoredBlock): void {
    const { id, from } = this.#listed;
    const problems = "arrival" in from ? arrivalProblems(id, from.arrival, block) : [];
    if (problems.length > 0)
      this.#tell(id, "DOCUMENT_DIFFERS", `beside the block its document has another ${problems.join(", ")}`);
  }

  #tell(subject: string, reason: Finding["reason"], detail: string): void {
    this.#reading.findings.add({ verdict: "altered", reason, subject, detail });
  }

  #break(id: string, range: SequenceRange | undefined, { reason, detail }: Pick<Finding, "reason" | "detail">): void {
    this.isBroken = true;
    if (range !== undefined) this.#addExtent(range);
    if (++this.#broken <= BROKEN_MAX) this.#tell(id, reason, detail);
  }

  #addExtent(range: SequenceRange): void {
    const { epoch, firstTimeNano, lastTimeNano } = this.#listed;
    this.#reading.trail.addExtent({ epoch, ranges: [range], firstTimeNano, lastTimeNano });
  }

  finish(): void {
    const { id, place, from } = this.#listed;
    if (this.#broken > BROKEN_MAX) this.#tell(id, "PAYLOAD_DIFFERS", `${this.#broken - BROKEN_MAX} more of its blocks`);
    if (this.#spoilt > 0)
      this.#tell(
        id,
        "PAYLOAD_DIFFERS",
        `${this.#spoilt} blocks behind those that are named cannot be checked: they name these`,
      );
    if (!("entry" in from)) return;
    const problems = this.#content.problems(from.entry, this.#bytes);
    if (problems.length === 0) return;
    this.#tell(id, "DOCUMENT_DIFFERS", `the catalog of ${place} lists another ${problems.join(", ")} than it has`);
    // What it lists and does not have is missing.
    this.isBroken = true;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
