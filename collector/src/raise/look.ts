/** Looks what is wrong now: reads what findings are decided from. */
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import type {
  CoveragePoll,
  DetectionGap,
  DiskSample,
  FindingKind,
  HostState,
  LedgerImbalance,
  Presence,
} from "../model/index.ts";
import { diskFindings } from "./disk.ts";
import {
  coverageFindings,
  type Finding,
  type FindingLimits,
  gapFindings,
  hostFindings,
  isNews,
  ledgerFindings,
  seenBy,
  silentFinding,
  silentKey,
  silentSince,
} from "./findings.ts";

/** What it needs of the database. Each throws where that is away. */
export interface FindingSource {
  listStates(afterId: string, limit: number): Promise<HostState[]>;
  listPresences(): Promise<Presence[]>;
  isRevoked(hostId: string): Promise<boolean>;
  /** Undefined where the database does not tell of its disk. */
  readDisk(): Promise<Omit<DiskSample, "timeMs"> | undefined>;
  addSample(sample: DiskSample): Promise<void>;
  samplesSince(timeMs: number): Promise<DiskSample[]>;
  /** Times in which blocks passed detection by. */
  listGaps(): Promise<DetectionGap[]>;
  /** The last look at a cloud; undefined where there was none. */
  readCoverage(): Promise<CoveragePoll | undefined>;
  /** Hosts whose ledgers do not balance, as far as was looked; `isWhole` where each was looked at. */
  lookAtLedgers(nowMs: number): Promise<{ imbalances: LedgerImbalance[]; isWhole: boolean }>;
}

export interface LookOptions extends FindingLimits {
  /** Milliseconds that a host may be silent. */
  silentMs: number;
}

/** All that is wrong now. */
export interface Found {
  findings: Finding[];
  /** Kinds of which it is not known whether they are over. */
  unjudged: ReadonlySet<FindingKind>;
}

const HOSTS_TOGETHER = 1000;
/** Hosts that are looked at; those beyond are counted. */
const HOSTS_MAX = 500_000;
/** Longer than nodes wait before they tell again who is connected: one that just came back may not have told yet. */
const SURE_MS = 25_000;
const REVOKED_KEPT_MS = 300_000;
const DISK_EVERY_MS = 600_000;
const DISK_KEPT_MS = 3 * 86_400_000;
const DISK_KINDS: readonly FindingKind[] = ["disk-filling", "disk-full"];

export class Look {
  readonly #source: FindingSource;
  readonly #options: LookOptions;
  readonly #logger: Logger;
  /** Hosts that seem silent, and when they did so first. */
  #suspected = new Map<string, number>();
  /** Whether silent hosts are revoked, as it was asked last. */
  readonly #revoked = new Map<string, { isRevoked: boolean; askedMs: number }>();
  /** Undefined before it was looked at. */
  #disk: { samples: DiskSample[]; nextMs: number } | undefined;

  constructor(source: FindingSource, options: LookOptions, logger: Logger) {
    this.#source = source;
    this.#options = options;
    this.#logger = logger;
  }

  /** Throws where the database is away. `isOpen` says which findings are there already. */
  async look(isOpen: (key: string) => boolean, nowMs: number): Promise<Found> {
    const unjudged = new Set<FindingKind>();
    const seen = seenBy(await this.#source.listPresences(), nowMs);
    // Where no node takes blocks, who is silent cannot be known.
    if (seen.listeningMs === undefined) unjudged.add("host-silent");
    const findings: Finding[] = [];
    const silent: { host: HostState; sinceMs: number }[] = [];
    for await (const host of this.#hosts()) {
      findings.push(...hostFindings(host, this.#options));
      const sinceMs = silentSince(host, seen, this.#options.silentMs, nowMs, isOpen(silentKey(host.hostId)));
      if (sinceMs !== undefined) silent.push({ host, sinceMs });
    }
    findings.push(...(await this.#silent(silent, isOpen, nowMs)));
    if (await this.#lookAtDisk(nowMs)) findings.push(...diskFindings(this.#disk?.samples ?? [], nowMs, isOpen));
    else for (const kind of DISK_KINDS) unjudged.add(kind);
    findings.push(...gapFindings(await this.#source.listGaps()));
    findings.push(...coverageFindings(await this.#source.readCoverage(), nowMs));
    const ledgers = await this.#ledgers(nowMs);
    findings.push(...ledgerFindings(ledgers.imbalances));
    if (!ledgers.isWhole) unjudged.add("ledger-unbalanced");
    return { findings: findings.filter(({ key, sinceMs }) => isOpen(key) || isNews(sinceMs, nowMs)), unjudged };
  }

  /** What is read for them lies in several places: where one does not answer, the other findings are told nevertheless. */
  async #ledgers(nowMs: number): ReturnType<FindingSource["lookAtLedgers"]> {
    try {
      return await this.#source.lookAtLedgers(nowMs);
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "ledgers cannot be looked at now");
      return { imbalances: [], isWhole: false };
    }
  }

  async *#hosts(): AsyncGenerator<HostState> {
    let count = 0;
    for (let afterId = ""; ; ) {
      const page = await this.#source.listStates(afterId, HOSTS_TOGETHER);
      yield* page;
      count += page.length;
      const last = page.at(-1);
      if (last === undefined || page.length < HOSTS_TOGETHER) return;
      if (count >= HOSTS_MAX) {
        this.#logger.warn({ hosts: count }, "there are more hosts than findings are looked for");
        return;
      }
      afterId = last.hostId;
    }
  }

  async #silent(
    silent: readonly { host: HostState; sinceMs: number }[],
    isOpen: (key: string) => boolean,
    nowMs: number,
  ): Promise<Finding[]> {
    const suspected = new Map<string, number>();
    const found: Finding[] = [];
    for (const { host, sinceMs } of silent) {
      const finding = silentFinding(host, sinceMs);
      const isKnown = isOpen(finding.key);
      if (!isKnown && !isNews(sinceMs, nowMs)) continue;
      const firstMs = this.#suspected.get(host.hostId) ?? nowMs;
      suspected.set(host.hostId, firstMs);
      if (!isKnown && nowMs - firstMs < SURE_MS) continue;
      if (!(await this.#isRevoked(host.hostId, nowMs))) found.push(finding);
    }
    this.#suspected = suspected;
    for (const hostId of this.#revoked.keys()) if (!suspected.has(hostId)) this.#revoked.delete(hostId);
    return found;
  }

  /** As it was a while ago: hosts may stay silent for ever. */
  async #isRevoked(hostId: string, nowMs: number): Promise<boolean> {
    const known = this.#revoked.get(hostId);
    if (known !== undefined && nowMs - known.askedMs < REVOKED_KEPT_MS) return known.isRevoked;
    const isRevoked = await this.#source.isRevoked(hostId);
    this.#revoked.set(hostId, { isRevoked, askedMs: nowMs });
    return isRevoked;
  }

  /** False where the database does not tell. */
  async #lookAtDisk(nowMs: number): Promise<boolean> {
    if (this.#disk !== undefined && nowMs < this.#disk.nextMs) return this.#disk.samples.length > 0;
    const now = await this.#source.readDisk();
    const timeMs = Math.floor(nowMs / DISK_EVERY_MS) * DISK_EVERY_MS;
    if (now === undefined) {
      if (this.#disk === undefined)
        this.#logger.info({}, "the database does not tell how full its disk is: that it fills is not found");
      this.#disk = { samples: [], nextMs: timeMs + DISK_EVERY_MS };
      return false;
    }
    metrics.databaseDiskBytes.set({ kind: "used" }, now.usedBytes);
    metrics.databaseDiskBytes.set({ kind: "total" }, now.totalBytes);
    await this.#source.addSample({ timeMs, ...now });
    this.#disk = {
      samples: await this.#source.samplesSince(nowMs - DISK_KEPT_MS),
      nextMs: timeMs + DISK_EVERY_MS,
    };
    return true;
  }
}
