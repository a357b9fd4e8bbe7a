/** The connection, and all that is kept behind it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Db, MongoClient } from "mongodb";
import { AlertStore } from "./alerts.ts";
import { AlertWorkStore } from "./alertwork.ts";
import { ApiAuditStore } from "./apiaudit.ts";
import { ArrivalStore } from "./arrivals.ts";
import { CertificateStore } from "./certificates.ts";
import { ConsoleStore } from "./console.ts";
import { CoverageStore } from "./coverage.ts";
import { daysOf, type MongoOptions, openClient, reachProblem } from "./connect.ts";
import { classify } from "./failure.ts";
import { DeadBlockStore } from "./deadblocks.ts";
import { DetectorStore } from "./detector.ts";
import { DiskStore } from "./disk.ts";
import { DropStore } from "./drops.ts";
import { ExportStore } from "./exports.ts";
import { HistoryStore } from "./history.ts";
import { HostStore } from "./hosts.ts";
import { indexPlans, lookAtIndexes, makeIndex } from "./indexes.ts";
import { LogStore } from "./log.ts";
import { IdentityStore } from "./identities.ts";
import { KeptStore } from "./kept.ts";
import { PresenceStore } from "./presence.ts";
import { ProfileStore } from "./profiles.ts";
import { RetentionStore } from "./retention.ts";
import { RulesetStore } from "./rulesets.ts";
import { SavedQueryStore } from "./savedqueries.ts";
import { SecretStore } from "./secrets.ts";
import { isEmbedded } from "./standing.ts";
import { SuppressionStore } from "./suppressions.ts";
import { TokenStore } from "./tokens.ts";

const CONNECT_RETRY_MS = 500;
/** How often it is looked whether the server answers, and how long it must have been away for the connections to be made anew. */
const WATCH_INTERVAL_MS = 5000;
const ANEW_MS = 20_000;

export class Archive {
  readonly arrivals: ArrivalStore;
  readonly history: HistoryStore;
  readonly hosts: HostStore;
  readonly identities: IdentityStore;
  readonly kept: KeptStore;
  readonly log: LogStore;
  readonly tokens: TokenStore;
  readonly apiAudit: ApiAuditStore;
  readonly certificates: CertificateStore;
  readonly console: ConsoleStore;
  readonly coverage: CoverageStore;
  readonly alerts: AlertStore;
  readonly alertWork: AlertWorkStore;
  readonly deadBlocks: DeadBlockStore;
  readonly detector: DetectorStore;
  readonly presence: PresenceStore;
  readonly profiles: ProfileStore;
  readonly disk: DiskStore;
  readonly retention: RetentionStore;
  readonly drops: DropStore;
  readonly exports: ExportStore;
  readonly suppressions: SuppressionStore;
  readonly rulesets: RulesetStore;
  readonly secrets: SecretStore;
  readonly savedQueries: SavedQueryStore;
  readonly #client: MongoClient;
  readonly #database: Db;
  readonly #closing = new AbortController();
  readonly #options: MongoOptions;
  #isEmbedded: boolean | undefined;
  #missing: string[] = [];

  private constructor(client: MongoClient, options: MongoOptions) {
    this.#client = client;
    this.#options = options;
    this.#database = client.db(options.database);
    const days = daysOf(client, options);
    this.arrivals = new ArrivalStore(this.#database, () => this.findsRanges());
    this.history = new HistoryStore(this.#database, days, async () => !(await this.findsRanges()));
    this.hosts = new HostStore(this.#database);
    this.identities = new IdentityStore(this.#database);
    this.kept = new KeptStore(this.#database, days);
    this.log = new LogStore(this.#database);
    this.tokens = new TokenStore(this.#database);
    this.apiAudit = new ApiAuditStore(this.#database);
    this.certificates = new CertificateStore(this.#database);
    this.console = new ConsoleStore(this.#database);
    this.coverage = new CoverageStore(this.#database);
    this.alerts = new AlertStore(this.#database);
    this.alertWork = new AlertWorkStore(this.#database);
    this.deadBlocks = new DeadBlockStore(this.#database);
    this.detector = new DetectorStore(this.#database);
    this.presence = new PresenceStore(this.#database);
    this.profiles = new ProfileStore(this.#database);
    this.disk = new DiskStore(this.#database);
    this.retention = new RetentionStore(this.#database);
    this.drops = new DropStore(this.#database);
    this.exports = new ExportStore(this.#database);
    this.suppressions = new SuppressionStore(this.#database);
    this.rulesets = new RulesetStore(this.#database);
    this.secrets = new SecretStore(this.#database);
    this.savedQueries = new SavedQueryStore(this.#database);
  }

  /**
   * Opens the connection pool; the server may come later, and as long as it does not, `tellProblem` is told why, once for each reason in turn.
   * Throws an Error that names the setting where one cannot be right.
   */
  static open(options: MongoOptions, tellProblem: (problem: string) => void = () => undefined): Archive {
    const archive = new Archive(openClient(options), options);
    void archive.#connect(tellProblem).then(() => archive.#watch(tellProblem));
    return archive;
  }

  /**
   * Begins anew where the server was away for long. After deaths and cuts in quick succession the driver (7.9) was seen to look for its server no
   * more: every call failed for minutes with the error of the connection that had broken last, while other clients were answered.
   */
  async #watch(tellProblem: (problem: string) => void): Promise<void> {
    const { signal } = this.#closing;
    let awaySinceMs: number | undefined;
    while (!signal.aborted) {
      await sleep(WATCH_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#database.command({ ping: 1 });
        awaySinceMs = undefined;
      } catch {
        awaySinceMs ??= performance.now();
        if (signal.aborted || performance.now() - awaySinceMs < ANEW_MS) continue;
        tellProblem(`it does not answer for ${ANEW_MS / 1000} s: all connections to it are made anew`);
        await this.#client.close().catch(() => undefined);
        if (!signal.aborted) await this.#connect(tellProblem);
        awaySinceMs = undefined;
      }
    }
  }

  /**
   * Connects until it has worked once: the driver (7.9) gives up for good what could not be reached by the first question within
   * serverSelectionTimeoutMS, and every later one fails. After that it looks for the server by itself.
   */
  async #connect(tellProblem: (problem: string) => void): Promise<void> {
    const { signal } = this.#closing;
    let told = "";
    while (!signal.aborted) {
      const startMs = performance.now();
      try {
        await this.#client.connect();
        return;
      } catch (error) {
        const problem = reachProblem(error, this.#options);
        if (problem !== told && !signal.aborted) tellProblem(problem);
        told = problem;
        // Whoever asks while it tries waits with it, and between two tries learns that it is away: so there is no pause after a long one.
        const restMs = CONNECT_RETRY_MS - (performance.now() - startMs);
        if (restMs > 0) await sleep(restMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Throws where the server does not answer, or where what must be there is known to be missing and others are to make it. */
  async ping(): Promise<void> {
    await this.#database.command({ ping: 1 });
    if (this.#missing.length > 0) throw new Error(`missing: ${this.#missing.join(", ")}`);
  }

  /**
   * Makes the indexes that are missing, or only looks, as the options say; gives those that are missing still. Throws where the server does
   * not answer, or refuses.
   */
  async prepare(): Promise<string[]> {
    const plans = indexPlans(await this.findsRanges());
    const { differences } = await lookAtIndexes(this.#database, plans);
    if (this.#options.isManaging !== false) {
      // Of one that is there and is otherwise the server says so.
      for (const { plan } of differences) await makeIndex(this.#database, plan);
      return [];
    }
    const missing = differences.filter(({ present }) => present === undefined);
    this.#missing = missing.map(({ plan: { collection, name } }) => `index ${name} of ${collection}`);
    return this.#missing;
  }

  /** True for a server that finds ranges of ids without reading everything; the embedded one says by whom it is made. */
  async findsRanges(): Promise<boolean> {
    if (this.#isEmbedded === undefined) {
      try {
        const info = await this.#database.command({ buildInfo: 1 });
        this.#isEmbedded = isEmbedded(info);
      } catch (error) {
        throw classify(error);
      }
    }
    return !this.#isEmbedded;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.close();
  }
}
