/**
 * Records to counts, on the agent's own way: reassemble -> redact -> decode -> enrich -> block -> seal -> link. What comes out is counted and
 * thrown away; the key that seals is of this run alone.
 */
import { generateKeyPairSync, randomBytes, randomInt } from "node:crypto";
import { LINK_WINDOW_DEFAULT, LinkWriter, newEpoch, type SealedBlock, sealEncoded } from "@hosttrail/lib/block";
import { AGENT_KEY } from "@hosttrail/lib/cost";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { BlockBuilder, type Lane } from "../block/index.ts";
import type { AgentConfig } from "../config/index.ts";
import { Enricher } from "../enrich/index.ts";
import { Ledger, SerialGaps, type Snapshot } from "../ledger/index.ts";
import { EventMaker } from "../make/index.ts";
import type { RawRecord, RecordGroup } from "../model/index.ts";
import { Reassembler } from "../reassemble/index.ts";
import { Redactor } from "../redact/index.ts";
import { reportEvent } from "../report/index.ts";
import { type Counted, Tally } from "./tally.ts";
import { Scales } from "./weigh.ts";

const HOST_ID_BYTES = 16;
const KEY_BYTES = 32;
const EPOCH_RANDOM = 65_536;
/** As a block builder waits for what belongs to the first event after a quiet time. */
const QUICK_MS = 50;
/** Longer than a log is read: its blocks are cut by its own time. */
const NEVER_MS = 3_600_000;
const MINUTE_MS = 60_000;

export interface CounterOptions {
  config: AgentConfig;
  agentVersion: string;
  bootId: string;
  /** False for a log: its own time decides when blocks are cut, and this host's processes say nothing of its events. */
  isLive: boolean;
  /** An event could not be made. */
  onFault: (error: unknown) => void;
  /** Is given each sealed block before it is thrown away. */
  onBlock?: (block: SealedBlock) => void;
}

export class Counter {
  readonly tally: Tally = new Tally();
  readonly scales: Scales = new Scales();
  readonly gaps: SerialGaps = new SerialGaps();
  /** Events that could not be made of their records. */
  failed = 0;
  readonly #options: CounterOptions;
  readonly #hostId = randomBytes(HOST_ID_BYTES).toString("hex");
  readonly #epoch = newEpoch(Date.now(), randomInt(EPOCH_RANDOM));
  #nextSeq = 0n;
  readonly #reassembler: Reassembler;
  readonly #maker: EventMaker;
  readonly #enricher: Enricher;
  readonly #builder: BlockBuilder;
  readonly #link = new LinkWriter(LINK_WINDOW_DEFAULT, nodePrimitives);
  readonly #waiting: Record<Lane, (Counted | undefined)[]> = { normal: [], low: [] };
  readonly #counts = { records: 0, events: 0, own: 0 };
  readonly #ledger: Ledger;
  #nowMs = 0;
  #ledgerMs = 0;
  #cpuMs = cpuMs();
  /** Of a log: when the open block began, and when the one before was cut. */
  #openMs: number | undefined;
  #flushedMs = Number.NEGATIVE_INFINITY;

  constructor(options: CounterOptions, endOfEventExpected: boolean) {
    this.#options = options;
    const { config, isLive, bootId } = options;
    const redactor = new Redactor({ ...config.redact, key: randomBytes(KEY_BYTES) });
    this.#enricher = new Enricher({
      hostId: this.#hostId,
      bootId,
      labels: config.labels,
      local: isLive,
      ...config.enrich,
      // A question to the cloud's metadata would leave the host.
      cloud: "none",
      redact: (args) => redactor.arguments(args),
    });
    this.#maker = new EventMaker({ redactor, enricher: this.#enricher, priorities: config.audit.priorities });
    this.#reassembler = new Reassembler({ ...config.reassemble, endOfEventExpected }, (group) => this.#take(group));
    this.#builder = this.#builderOf();
    // From here on blocks are as far apart as they linger.
    if (!isLive) this.#builder.flush();
    this.#ledger = new Ledger(() => this.#snapshot(), this.#snapshot(), Date.now());
  }

  #builderOf(): BlockBuilder {
    const { config, agentVersion, bootId, isLive } = this.#options;
    const { privateKey } = generateKeyPairSync("ed25519");
    const sign = signerOf(privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    const place = { hostId: this.#hostId, epoch: this.#epoch, bootId, agentVersion, flags: 0 };
    let previousHeaderSha256: Uint8Array = new Uint8Array(0);
    return new BlockBuilder({
      lingerMs: isLive ? config.block.lingerMs : NEVER_MS,
      retryMs: config.spool.retryMs,
      seal: (batch) =>
        sealEncoded(batch, { ...place, firstSeq: this.#nextSeq, previousHeaderSha256 }, nodePrimitives, sign),
      append: (block, lane) => {
        this.#nextSeq += BigInt(block.header.count);
        previousHeaderSha256 = block.headerSha256;
        this.#count(block, lane);
      },
      onStuck: (error) => this.#options.onFault(error),
      onRoom: () => undefined,
    });
  }

  #count(block: SealedBlock, lane: Lane): void {
    const { bytes, header } = block;
    this.#options.onBlock?.(block);
    const events = this.#waiting[lane].splice(0, header.count).filter((each) => each !== undefined);
    this.tally.block(events, (this.#link.pack(bytes) ?? bytes).length);
    this.scales.keep(bytes, header.count);
  }

  /** `nowMs` is when it came, on a monotonic clock. */
  push(record: RawRecord, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#counts.records++;
    this.gaps.seeRecord(record);
    this.#reassembler.push(record, nowMs);
  }

  expire(nowMs: number): void {
    this.#reassembler.expire(nowMs);
  }

  #take(group: RecordGroup): void {
    this.#counts.events++;
    try {
      const { event, recordBytes, priority } = this.#maker.make(group, this.#nowMs);
      const timeMs = Number((event.event?.timeUnixNano ?? 0n) / 1_000_000n);
      if (!this.#options.isLive) this.#turn(timeMs);
      const counted = this.tally.see(timeMs, event.audit?.keys[0] ?? "", event.process?.executable ?? "", recordBytes);
      this.#add(event, recordBytes, priority === "low" ? "low" : "normal", counted);
    } catch (error) {
      this.failed++;
      this.#options.onFault(error);
    }
  }

  #add(event: Event, recordBytes: number, lane: Lane, counted: Counted | undefined): void {
    this.#waiting[lane].push(counted);
    this.#builder.add(event, recordBytes, lane);
  }

  /** A log's clock is at this time: what would have been done meanwhile is done. */
  #turn(timeMs: number): void {
    if (this.#openMs !== undefined) {
      const { lingerMs } = this.#options.config.block;
      const waitMs = Math.max(Math.min(QUICK_MS, lingerMs), lingerMs - (this.#openMs - this.#flushedMs));
      if (timeMs >= this.#openMs + waitMs) {
        this.#flushedMs = this.#openMs + waitMs;
        this.#openMs = undefined;
        this.#builder.flush();
      }
    }
    this.#openMs ??= timeMs;
    if (this.#ledgerMs === 0) this.#ledgerMs = timeMs;
    if (timeMs - this.#ledgerMs >= MINUTE_MS) {
      this.minute(this.#ledgerMs + MINUTE_MS);
      this.#ledgerMs += MINUTE_MS * Math.floor((timeMs - this.#ledgerMs) / MINUTE_MS);
    }
  }

  /** What the agent does each minute: it tells its ledger. `timeMs` is since 1970. */
  minute(timeMs: number): void {
    const now = cpuMs();
    this.tally.spend(timeMs - 1, now - this.#cpuMs);
    this.#cpuMs = now;
    const changes = this.#ledger.take(timeMs);
    if (changes === undefined) return;
    const about = { epoch: this.#epoch.toString(16), next_seq: this.#nextSeq, unbalanced: 0 };
    const fields = { ...changes, ...about, evicted_ranges: "", kept_ranges: "", quarantined_ranges: "" };
    const event = reportEvent({ action: "reported-ledger", name: "LEDGER", outcome: "success", fields }, timeMs);
    this.#enricher.enrich(event, false, this.#nowMs);
    this.#counts.own++;
    const length = event.audit?.records.reduce((sum, { layout }) => sum + layout.length, 0) ?? 0;
    this.#add(event, 0, "normal", this.tally.see(timeMs, AGENT_KEY, "", length));
  }

  /** Ends what is open. `timeMs`, since 1970, is the end of the time that was looked at. */
  finish(timeMs: number | undefined): void {
    this.#reassembler.flush("end");
    this.#builder.flush();
    const now = cpuMs();
    this.tally.spend(timeMs === undefined ? this.#ledgerMs : timeMs - 1, now - this.#cpuMs);
    this.#cpuMs = now;
    this.#builder.close();
    this.#enricher.close();
  }

  /** As an agent would have it whose collector takes all at once. */
  #snapshot(): Snapshot {
    const { records, events, own } = this.#counts;
    const accepted = events + own;
    const { partial, late } = this.#reassembler?.counters ?? { partial: 0, late: 0 };
    const none = { kernelLost: 0, overruns: 0, unreadable: 0, unreadFiles: 0, repeated: 0, shed: 0, redacted: 0 };
    const rest = { found: 0, returned: 0, evicted: 0, quarantined: 0, discarded: 0, held: 0, pending: 0, inSpool: 0 };
    const passed = { accepted, spooled: accepted, stored: accepted, sent: accepted, received: accepted };
    return {
      ...none,
      ...rest,
      ...passed,
      serialGaps: this.gaps.missing,
      records,
      events,
      partial,
      late,
      failed: this.failed,
      own,
    };
  }
}

/** Of this process, milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
