/** Writes blocks where they belong, each beside what is there of its host already, and keeps the host's trail. */
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import {
  type Arrival,
  type EpochTrail,
  type HostDocument,
  OUTSIDE,
  PermanentError,
  type Place,
  type TakenBlock,
} from "../model/index.ts";
import {
  extendTrail,
  forkEpoch,
  forkId,
  HOLE_GRACE_MS,
  type HostArchive,
  HostBook,
  isTaken,
  isTold,
  missingEvents,
  type Notice,
  noticeBlock,
  type NoticeKind,
  placesOf,
  untoldHole,
  withFacts,
} from "../trail/index.ts";
import type { IndexedBlock } from "./document.ts";
import { Irregular, IRREGULAR_MAX } from "./irregular.ts";

/** What the step needs of the database. Each throws a RetryableError where it is away. */
export interface BlockArchive {
  insertBlocks(blocks: readonly Arrival[]): Promise<{
    stored: string[];
    /** A block with this id was there. */
    present: string[];
    failed: { id: string; error: Error }[];
  }>;
  /** `<id> <header hash, hex>` of those of these blocks that are there, arrived or in history. */
  hashesOf(blocks: readonly { id: string; place: Place }[]): Promise<Set<string>>;
  /** True where retention has dropped the event of this number, of one of these places. Nothing is where this is not there. */
  isDropped?(hostId: string, epoch: bigint, seq: bigint, places: readonly Place[]): Promise<boolean>;
}

/** A block that was opened and waits to be written. */
export interface Prepared extends IndexedBlock {
  taken: TakenBlock;
  /** It was written beside another one that had its numbers. Stays when the batch is tried again. */
  isNewFork: boolean;
  /** Its host's document tells of it. */
  isNoted: boolean;
  /** It was counted where it does not continue its host's trail. */
  isAdmitted: boolean;
}

/** A block by its id and content, and where it may lie. */
export interface Claim {
  id: string;
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  hash: string;
  places: Place[];
}

/** Notices that are known to be there, at most. */
const TOLD_MAX = 10_000;
/** Stored blocks that are remembered, at most. */
const STORED_MAX = 50_000;

export class Writer {
  readonly #archive: BlockArchive;
  readonly #book: HostBook;
  readonly #logger: Logger;
  /** Ids of notices that were written. */
  readonly #told = new Set<string>();
  readonly #irregular = new Irregular();
  /** Header hashes of blocks that were stored lately, by id, the oldest first: most questions are about these. */
  readonly #stored = new Map<string, string>();

  constructor(archive: BlockArchive, hosts: HostArchive, logger: Logger) {
    this.#archive = archive;
    this.#book = new HostBook(hosts);
    this.#logger = logger;
  }

  /**
   * Writes them all and gives the errors of those that were refused; the others are in the database. Throws a RetryableError where it
   * is away, and another error where nothing was written for a reason that lies in the blocks.
   */
  async write(prepared: readonly Prepared[]): Promise<Map<Prepared, Error>> {
    // The same block may be delivered twice at once.
    const copies = Map.groupBy(prepared, ({ taken, link }) => `${taken.message.id} ${link.hash}`);
    const distinct = Array.from(copies.values(), ([first]) => first).filter((each) => each !== undefined);
    const hosts = await this.#book.hosts([...new Set(distinct.map(({ document }) => document.hostId))]);
    const failed = new Map<Prepared, Error>();
    const { free, taken } = this.#judge(distinct, hosts);
    // Numbers that were free by what this node knew, and are not.
    const collided = await this.#insert(this.#admitted(free, failed), failed);
    // Asked only now: most often it is one of these that has the number.
    const toFork = await this.#unknown([...taken, ...collided]);
    await this.#insert(this.#admitted(toFork.map(asFork), failed), failed);
    await this.#note(distinct.filter((block) => !failed.has(block)));
    for (const list of copies.values()) {
      const [first, ...others] = list;
      const error = first && failed.get(first);
      if (error !== undefined) for (const other of others) failed.set(other, error);
    }
    return failed;
  }

  /** Which blocks have numbers that are free, in the order of the host's trail. */
  #judge(
    blocks: readonly Prepared[],
    hosts: ReadonlyMap<string, HostDocument>,
  ): { free: Prepared[]; taken: Prepared[] } {
    const free: Prepared[] = [];
    const taken: Prepared[] = [];
    for (const [hostId, list] of Map.groupBy(blocks, ({ document }) => document.hostId)) {
      let trail: readonly EpochTrail[] = hosts.get(hostId)?.trail ?? [];
      for (const block of list.toSorted(byNumber)) {
        if (isTaken(trail, block.link)) {
          taken.push(block);
          continue;
        }
        const extended = extendTrail(trail, block.link, block.document.receivedMs);
        trail = extended.trail;
        block.document.chain.status = extended.status;
        free.push(block);
      }
    }
    return { free, taken };
  }

  /** Those that continue their host's trail, or do not for not too many times. */
  #admitted(blocks: readonly Prepared[], failed: Map<Prepared, Error>): Prepared[] {
    return blocks.filter((block) => {
      const { hostId, chain, receivedMs } = block.document;
      // What was counted is not counted again where its batch is tried again.
      if (block.isAdmitted || this.#irregular.admits(hostId, chain.status, receivedMs)) {
        block.isAdmitted = true;
        return true;
      }
      const message = `more than ${IRREGULAR_MAX} blocks of this host did not continue its trail on this day`;
      failed.set(block, new PermanentError(message, { code: "TRAIL_IRREGULAR" }));
      return false;
    });
  }

  /** Those that are not in the database with these very bytes, neither under their own id nor as a fork. */
  async #unknown(blocks: readonly Prepared[]): Promise<Prepared[]> {
    const known = await this.whichStored(
      blocks.map(({ document, taken, link }) => ({
        id: taken.message.id,
        hostId: document.hostId,
        epoch: link.epoch,
        firstSeq: link.firstSeq,
        hash: link.hash,
        places: placesOf(document),
      })),
    );
    const unknown = blocks.filter(({ taken, link }) => !known.has(`${taken.message.id} ${link.hash}`));
    const isDropped = await Promise.all(unknown.map((block) => this.#isDropped(block)));
    return unknown.filter((_, at) => isDropped[at] !== true);
  }

  /**
   * True for a block whose numbers were stored and dropped since: it was sent again, and is no fork. Whether its bytes are those nobody
   * can tell any more.
   */
  async #isDropped({ document, link }: Prepared): Promise<boolean> {
    const places = placesOf(document);
    const known = await this.#archive.isDropped?.(document.hostId, link.epoch, link.firstSeq, places);
    return known === true;
  }

  /** `<id> <header hash>` of those of these blocks that the database has, under their own id or as a fork. */
  async whichStored(claims: readonly Claim[]): Promise<Set<string>> {
    const found = new Set<string>();
    const asked: Claim[] = [];
    for (const claim of claims) {
      const { id, hostId, hash } = claim;
      const own = this.#stored.get(id);
      if (own === hash || this.#stored.get(forkId(hostId, claim)) === hash) found.add(`${id} ${hash}`);
      // Another one has the id: this one can only be a fork, and to insert a fork twice does no harm.
      else if (own === undefined) asked.push(claim);
    }
    if (asked.length === 0) return found;
    const known = await this.#archive.hashesOf(
      asked.flatMap((claim) =>
        claim.places.flatMap((place) => [claim.id, forkId(claim.hostId, claim)].map((id) => ({ id, place }))),
      ),
    );
    for (const claim of asked) {
      const { id, hostId, hash } = claim;
      if (known.has(`${id} ${hash}`) || known.has(`${forkId(hostId, claim)} ${hash}`)) found.add(`${id} ${hash}`);
    }
    return found;
  }

  /**
   * Those of these stored blocks that their host's document tells of. One that was inserted by a node that ended then, and whose message the stream
   * lost, would be missing there for ever if its host were told that it is stored: sent again, it is noted.
   */
  async areNoted(claims: readonly Claim[]): Promise<Claim[]> {
    const isNoted = (hosts: ReadonlyMap<string, HostDocument>, { hostId, epoch, firstSeq }: Claim): boolean => {
      const trail = hosts.get(hostId)?.trail ?? [];
      return isTold(trail, epoch, firstSeq);
    };
    const hostIds = [...new Set(claims.map(({ hostId }) => hostId))];
    const known = await this.#book.hosts(hostIds);
    if (claims.every((claim) => isNoted(known, claim))) return [...claims];
    // Another node may have noted it.
    this.#book.forget(hostIds);
    const now = await this.#book.hosts(hostIds);
    return claims.filter((claim) => isNoted(now, claim));
  }

  /** Inserts; gives those whose id was there. A fork whose id was there is there itself, since the id comes from its hash. */
  async #insert(blocks: readonly Prepared[], failed: Map<Prepared, Error>): Promise<Prepared[]> {
    if (blocks.length === 0) return [];
    const result = await this.#archive.insertBlocks(blocks.map(({ document }) => document));
    const byId = new Map(blocks.map((block) => [block.document.id, block]));
    for (const { id, error } of result.failed) {
      const block = byId.get(id);
      if (block !== undefined) failed.set(block, error);
    }
    for (const id of result.stored) {
      const block = byId.get(id);
      if (block?.document.forkOf !== undefined) block.isNewFork = true;
      if (block !== undefined) this.#keep(id, block.link.hash);
    }
    return result.present
      .map((id) => byId.get(id))
      .filter((block) => block !== undefined && block.document.forkOf === undefined) as Prepared[];
  }

  /** Notes stored blocks with their hosts, and tells what is wrong. */
  async #note(stored: readonly Prepared[]): Promise<void> {
    const notices = new Map<string, Notice[]>();
    const changes = new Map<string, (host: HostDocument) => HostDocument>();
    for (const [hostId, list] of Map.groupBy(stored, ({ document }) => document.hostId)) {
      changes.set(hostId, (before) => {
        const { host, told } = noted(before, list.toSorted(byNumber));
        notices.set(hostId, told);
        return host;
      });
    }
    await this.#book.change(changes);
    for (const block of stored) block.isNoted = true;
    const told = [...notices.values()].flat();
    for (const { kind } of told) metrics.trailFaults.inc({ kind });
    const blocks = told.map((notice) => ({ notice, block: noticeBlock(notice) }));
    const untold = blocks.filter(({ block }) => !this.#told.has(block.id));
    if (untold.length === 0) return;
    for (const { notice } of untold) {
      this.#logger.warn({ host: notice.hostId, fault: notice.kind }, "a host's trail is not as it should be");
    }
    await this.#archive.insertBlocks(untold.map(({ block }) => block));
    for (const { block } of untold) this.#remember(block.id);
  }

  #keep(id: string, hash: string): void {
    this.#stored.set(id, hash);
    if (this.#stored.size <= STORED_MAX) return;
    const [oldest] = this.#stored.keys();
    if (oldest !== undefined) this.#stored.delete(oldest);
  }

  #remember(id: string): void {
    this.#told.add(id);
    if (this.#told.size <= TOLD_MAX) return;
    const [oldest] = this.#told;
    if (oldest !== undefined) this.#told.delete(oldest);
  }

  /** Notes dead letters with their host. */
  async countDead(hostId: string, count: number): Promise<void> {
    const change = (host: HostDocument): HostDocument => ({
      ...host,
      faults: { ...host.faults, deadBlocks: host.faults.deadBlocks + count },
      faultTimes: { ...host.faultTimes, deadMs: Date.now() },
    });
    await this.#book.change(new Map([[hostId, change]]));
  }
}

/** The block as it is kept beside another one that has its numbers. */
function asFork(block: Prepared): Prepared {
  const { document, link, taken } = block;
  document.forkOf = taken.message.id;
  document.id = forkId(document.hostId, link);
  document.epoch = forkEpoch(link.hash);
  document.chain.status = "forked";
  return block;
}

/** A host after its blocks were stored, and what is to be told of it. */
function noted(before: HostDocument, blocks: readonly Prepared[]): { host: HostDocument; told: Notice[] } {
  let host = before;
  const told: Notice[] = [];
  const tell = (kind: NoticeKind, receivedMs: number, fields: Record<string, string>): void => {
    told.push({ kind, hostId: host.hostId, hostName: host.name, receivedMs, fields });
  };
  for (const { document, link, facts, taken, isNewFork, isNoted } of blocks) {
    const { receivedMs, place, forkOf } = document;
    const faults = { ...host.faults };
    const faultTimes = { ...host.faultTimes };
    let { trail } = host;
    if (forkOf !== undefined) {
      if (isNewFork && !isNoted) {
        faults.forkedBlocks++;
        faultTimes.forkedMs = receivedMs;
        tell("forked", receivedMs, { block: forkOf, kept_as: document.id, events: String(document.count) });
      }
    } else if (!isTaken(trail, link)) {
      const extended = extendTrail(trail, link, receivedMs);
      trail = extended.trail;
      if (extended.status === "broken") {
        faults.brokenLinks++;
        faultTimes.brokenMs = receivedMs;
        tell("broken", receivedMs, { block: document.id, previous: link.previous });
      }
      if (place === OUTSIDE) {
        faults.outsideBlocks++;
        faultTimes.outsideMs = receivedMs;
        const [first, last] = [document.firstTimeNano, document.lastTimeNano].map(String);
        tell("outside", receivedMs, { block: document.id, first_time: first ?? "", last_time: last ?? "" });
      }
    }
    const { hole, trail: after } = untoldHole(trail, receivedMs, HOLE_GRACE_MS);
    if (hole !== undefined) {
      faultTimes.missingMs = receivedMs;
      const [epoch, first, next] = [hole.epoch, hole.first, hole.next].map(String);
      tell("gap", receivedMs, { epoch: epoch ?? "", first: first ?? "", next: next ?? "" });
    }
    const missing = Number(missingEvents(after, receivedMs, HOLE_GRACE_MS));
    host = withFacts(
      { ...host, faults, faultTimes, missingEvents: missing, trail: after },
      facts,
      document,
      taken.message.clockOffsetMs,
    );
  }
  return { host, told };
}

function byNumber(a: Prepared, b: Prepared): number {
  if (a.link.epoch !== b.link.epoch) return a.link.epoch < b.link.epoch ? -1 : 1;
  if (a.link.firstSeq !== b.link.firstSeq) return a.link.firstSeq < b.link.firstSeq ? -1 : 1;
  return a.document.receivedMs - b.document.receivedMs;
}
