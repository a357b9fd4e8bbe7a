/** Checks one host: what is kept of it, and what everybody says that there should be. */
import type { X509Certificate } from "node:crypto";
import type { TimeRange } from "../ask/index.ts";
import { MovedError } from "../history/index.ts";
import type { HostDocument, SequenceRange } from "../model/index.ts";
import type { Budget } from "../scan/index.ts";
import type { StoredBlock } from "./blocks.ts";
import { Claims } from "./claims.ts";
import { type Finding, Findings, type TrailNote, type Verdict } from "./finding.ts";
import { HostKeys } from "./keys.ts";
import type { Head } from "./numbers.ts";
import { isOf, planOf, rangesOf } from "./plan.ts";
import { readPayload, type Reading } from "./read.ts";
import { type Listed, readShelves, type Shelf } from "./shelf.ts";
import type { KeptSource, LoggedTrail } from "./source.ts";
import { type Seen, Trail } from "./trail.ts";

/** What is asked of one host. */
export interface Question {
  hostId: string;
  range: TimeRange;
  budget: Budget;
  authorities: readonly X509Certificate[];
  /** What the log says of it; undefined where there is no log, and a text where there is one and it cannot be read. */
  logged: LoggedTrail | string | undefined;
  signal: AbortSignal;
  progress: (eventsDone: number, events: number) => Promise<void> | void;
  /** Told of each block that is right, in the order in which they are read. */
  take?: (block: StoredBlock, seen: Seen) => Promise<void> | void;
}

/** What was found of a host. */
export interface HostResult {
  hostId: string;
  hostName: string;
  verdict: Verdict;
  findings: Finding[];
  moreFindings: number;
  notes: TrailNote[];
  /** Blocks and events of the time that are right, and the times of the first and the last one, nanoseconds. */
  blocks: number;
  events: number;
  firstTimeNano: bigint | undefined;
  lastTimeNano: bigint | undefined;
}

/** What was read of a host before its payloads. */
export interface Prepared {
  document: HostDocument | undefined;
  shelf: Shelf;
}

/** Blocks of one host that are held against each other, some 400 bytes each: for more a shorter time is asked about. */
const BLOCKS_MAX = 500_000;
/** Notes that are kept of a host. */
const NOTES_MAX = 100;
/** Times that a host is begun again, where what is kept of it is moved meanwhile. */
const ATTEMPTS_MAX = 5;
/** Payloads of other epochs that are read to find the block that an epoch begins behind. */
const LOOK_BACK_MAX = 64;
const NANOS_OF_MS = 1_000_000n;

/** Hosts' documents come first: what they name is stored by then. */
export async function prepare(source: KeptSource, hostIds: readonly string[]): Promise<Map<string, Prepared>> {
  const documents = await Promise.all(hostIds.map((hostId) => source.hostDocument(hostId)));
  const shelves = await readShelves(source, hostIds);
  return new Map(
    hostIds.map((hostId, at) => [
      hostId,
      { document: documents[at], shelf: shelves.get(hostId) ?? { payloads: [], findings: [] } },
    ]),
  );
}

/** Throws a RetryableError where the database is away, and the signal's reason where the caller left. */
export async function verifyHost(source: KeptSource, question: Question, prepared: Prepared): Promise<HostResult> {
  let { document, shelf } = prepared;
  const asked = { ...question, take: onceEach(question.take) };
  for (let attempt = 1; ; attempt++) {
    try {
      return await new HostCheck(source, asked, document).run(shelf);
    } catch (error) {
      if (!(error instanceof MovedError) || attempt >= ATTEMPTS_MAX) throw error;
      const again = (await prepare(source, [question.hostId])).get(question.hostId);
      if (again !== undefined) ({ document, shelf } = again);
    }
  }
}

/** Who is told of blocks is told of none twice, also where the host is begun again. */
function onceEach(take: Question["take"]): NonNullable<Question["take"]> {
  const told = new Set<string>();
  return async (block, seen) => {
    if (take === undefined || told.has(seen.hash)) return;
    told.add(seen.hash);
    await take(block, seen);
  };
}

class HostCheck {
  readonly #source: KeptSource;
  readonly #question: Question;
  readonly #document: HostDocument | undefined;
  readonly #findings = new Findings();
  readonly #notes: TrailNote[] = [];
  readonly #trail = new Trail();
  readonly #claims = new Claims();
  readonly #startMs = performance.now();
  #blocks = 0;
  #events = 0;
  #eventsRead = 0;
  #bytesRead = 0;
  #firstTimeNano: bigint | undefined;
  #lastTimeNano: bigint | undefined;

  constructor(source: KeptSource, question: Question, document: HostDocument | undefined) {
    this.#source = source;
    this.#question = question;
    this.#document = document;
  }

  async run({ payloads, findings }: Shelf): Promise<HostResult> {
    const { hostId, range, authorities, logged } = this.#question;
    for (const finding of findings) this.#findings.add(finding);
    const keys = new HostKeys(hostId, await this.#source.certificatesOf(hostId), authorities);
    const reading: Reading = {
      source: this.#source,
      keys,
      range,
      trail: this.#trail,
      claims: this.#claims,
      findings: this.#findings,
      note: (note) => this.#note(note),
      take: (block, seen) => this.#take(block, seen),
    };
    const plan = planOf(payloads, range);
    const unread = await this.#readAll(plan.read, reading);
    const rest = unread.length > 0 ? plan.rest : await this.#lookBack(plan.rest, reading);
    for (const listed of [...unread, ...rest]) this.#trail.addExtent({ ...listed, ranges: rangesOf(listed) });
    if (typeof logged === "string")
      this.#findings.add({ verdict: "not checked", reason: "LOG_UNAVAILABLE", subject: "", detail: logged });
    this.#judge();
    return this.#result();
  }

  /** Reads payloads while the budget lasts; gives those that it did not last for. */
  async #readAll(payloads: readonly Listed[], reading: Reading): Promise<Listed[]> {
    const events = payloads.reduce((sum, each) => sum + each.events, 0);
    for (const [at, listed] of payloads.entries()) {
      this.#question.signal.throwIfAborted();
      if (this.#isSpent(listed)) {
        const left = payloads.slice(at);
        const about = left.filter((each) => isOf(each, this.#question.range)).length;
        const from = new Date(Number(listed.firstTimeNano / NANOS_OF_MS));
        const detail = `what checking a host may take is used up: ${about} payloads from ${from.toISOString()} on were not read`;
        this.#findings.add({ verdict: "not checked", reason: "BUDGET_ENDED", subject: "", detail });
        return left;
      }
      await readPayload(listed, reading);
      await this.#question.progress(this.#eventsRead, events);
    }
    return [];
  }

  /** The first payload is always read. */
  #isSpent({ events, bytes }: Listed): boolean {
    const { budget } = this.#question;
    const isSpent =
      this.#eventsRead > 0 &&
      (this.#trail.size > BLOCKS_MAX ||
        performance.now() - this.#startMs > budget.timeMs ||
        this.#eventsRead + events > budget.events ||
        this.#bytesRead + bytes > budget.bytes);
    if (!isSpent) {
      this.#eventsRead += events;
      this.#bytesRead += bytes;
    }
    return isSpent;
  }

  /** Reads other payloads, the nearest in time first, until each block is found that an epoch begins behind. Gives those that were not read. */
  async #lookBack(payloads: readonly Listed[], reading: Reading): Promise<Listed[]> {
    const left = new Set(payloads);
    for (let count = 0; count < LOOK_BACK_MAX; count++) {
      const [open] = this.#trail.openLinks;
      if (open === undefined) break;
      const nearest = nearestBefore(left, open.firstTimeNano);
      if (nearest === undefined) break;
      left.delete(nearest);
      this.#question.signal.throwIfAborted();
      await readPayload(nearest, reading);
    }
    return [...left];
  }

  async #take(block: StoredBlock, seen: Seen): Promise<void> {
    if (seen.isAsked) {
      const { header } = block.parsed;
      this.#blocks++;
      this.#events += header.count;
      const { firstTimeNano, lastTimeNano } = seen;
      if (this.#firstTimeNano === undefined || firstTimeNano < this.#firstTimeNano) this.#firstTimeNano = firstTimeNano;
      if (this.#lastTimeNano === undefined || lastTimeNano > this.#lastTimeNano) this.#lastTimeNano = lastTimeNano;
    }
    await this.#question.take?.(block, seen);
  }

  #judge(): void {
    const { range, logged } = this.#question;
    const drops = typeof logged === "object" ? logged.drops : [];
    const known = {
      heads: this.#heads(),
      drops,
      claims: this.#claims,
      stored: this.#stored(),
      range,
      nowMs: Date.now(),
    };
    for (const found of this.#trail.findings(known)) {
      if ("verdict" in found) this.#findings.add(found);
      else this.#note(found);
    }
    for (const note of this.#trail.notes) this.#note(note);
    this.#findings.finish();
    if (this.#blocks > 0 || this.#findings.verdict !== "verified") return;
    const detail = "there is no block of this host in the time, and nothing that says that there was one";
    this.#findings.add({ verdict: "not checked", reason: "NO_BLOCKS", subject: "", detail });
  }

  /** How far its epochs went, by everybody who knows. */
  #heads(): Head[] {
    const { logged } = this.#question;
    const heads: Head[] = [];
    for (const { epoch, ranges, usedMs } of this.#document?.trail ?? [])
      for (const { next, last } of ranges)
        heads.push({ epoch, next, hash: last, timeNano: nanosOf(usedMs), evidence: "host document" });
    const lastNano = this.#document?.lastEventNano ?? 0n;
    for (const [epoch, next] of this.#claims.next) heads.push({ epoch, next, timeNano: lastNano, evidence: "ledger" });
    if (typeof logged !== "object") return heads;
    for (const { epoch, next, hash, timeMs } of logged.heads)
      heads.push({ epoch, next, hash, timeNano: nanosOf(timeMs), evidence: "log" });
    return heads;
  }

  #stored(): (SequenceRange & { epoch: bigint })[] {
    const { logged } = this.#question;
    const noted = (this.#document?.trail ?? []).flatMap(({ epoch, ranges }) =>
      ranges.map(({ first, next }) => ({ epoch, first, next })),
    );
    const whole = typeof logged === "object" ? logged.heads.filter(({ isWhole }) => isWhole) : [];
    return [...noted, ...whole.map(({ epoch, next }) => ({ epoch, first: 0n, next }))];
  }

  #note(note: TrailNote): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(note);
  }

  #result(): HostResult {
    const { verdict, kept, more } = this.#findings;
    return {
      hostId: this.#question.hostId,
      hostName: this.#document?.name ?? "",
      verdict,
      findings: kept,
      moreFindings: more,
      notes: this.#notes,
      blocks: this.#blocks,
      events: this.#events,
      firstTimeNano: this.#firstTimeNano,
      lastTimeNano: this.#lastTimeNano,
    };
  }
}

/** Nanoseconds; 0 for what is no time, as damaged documents have it. */
function nanosOf(timeMs: number): bigint {
  return Number.isSafeInteger(timeMs) ? BigInt(timeMs) * NANOS_OF_MS : 0n;
}

function nearestBefore(payloads: Iterable<Listed>, timeNano: bigint): Listed | undefined {
  let nearest: Listed | undefined;
  for (const each of payloads)
    if (each.firstTimeNano <= timeNano && (nearest === undefined || each.lastTimeNano > nearest.lastTimeNano))
      nearest = each;
  return nearest;
}
