/**
 * The collector's whole way: receive -> [JetStream] -> store -> [arrivals] -> compact -> [history] -> query, and from [JetStream] also to
 * detection (detection.ts): match -> [matches] -> raise -> [alerts], and on to notification (notification.ts); beside it, enroll gives hosts their
 * identity, confirm tells them that their events arrive, and administer gives people their access. Each role runs alone or with others.
 */
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import { certificatesOf } from "@hosttrail/lib/tls";
import { AccessServiceService } from "@hosttrail/proto/access";
import { AlertServiceService } from "@hosttrail/proto/alert";
import { AnalysisServiceService } from "@hosttrail/proto/analysis";
import { EnrollmentServiceService } from "@hosttrail/proto/enrollment";
import { IngestServiceService } from "@hosttrail/proto/ingest";
import { QueryServiceService } from "@hosttrail/proto/query";
import { RuleServiceService } from "@hosttrail/proto/rule";
import { Access, HostScopes, openProvider } from "./access/index.ts";
import { AccessApi } from "./administer/index.ts";
import { openAnalysisApi } from "./analysis.ts";
import { blockArchive, compactArchive, historySource, selectArchive } from "./archives.ts";
import { HostSelection, Turns } from "./ask/index.ts";
import { type Authority, openAuthority } from "./authority/index.ts";
import { Compactor } from "./compact/index.ts";
import type { CollectorConfig, Role } from "./config/index.ts";
import { Confirmation } from "./confirm/index.ts";
import { runDetection } from "./detection.ts";
import { openDetectionApis } from "./detectionapi.ts";
import { Enrollment } from "./enroll/index.ts";
import { History } from "./history/index.ts";
import { HostIdentities } from "./identities/index.ts";
import { BlockStream } from "./jetstream/index.ts";
import { metrics, serveMetrics } from "./metrics/index.ts";
import { Archive, dayRange } from "./mongodb/index.ts";
import { notifyService, runNotification } from "./notification.ts";
import { joinPeers } from "./peers/index.ts";
import { explainQuery, QueryApi } from "./query/index.ts";
import { Presences, Receiver } from "./receive/index.ts";
import { ScanPool, scanSource } from "./scan/index.ts";
import {
  BLOCK_MESSAGE_BYTES_MAX,
  Gate,
  PageTokens,
  REQUEST_BYTES_MAX,
  type RunningServer,
  serve,
  type Service,
  type ServeOptions,
} from "./serve/index.ts";
import { Storer } from "./store/index.ts";
import { TestRulesApi } from "./trial/index.ts";

/** Put in by whoever makes a package. */
declare const HOSTTRAIL_VERSION: string | undefined;
/** Version of this collector, as it tells agents and logs. */
export const COLLECTOR_VERSION: string = typeof HOSTTRAIL_VERSION === "undefined" ? "0.1.0" : HOSTTRAIL_VERSION;

const TRUST_INTERVAL_MS = 2000;
const PREPARE_RETRY_MS = 2000;
const LAG_INTERVAL_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export interface RunningCollector {
  /** Ports that were given; 0 where the role does not run. */
  ingestPort: number;
  queryPort: number;
  enrollPort: number;
  /** Stops intake, settles what is under way, closes. Safe twice. */
  stop(): Promise<void>;
}

/** Starts the roles; throws where one cannot start. */
export async function startCollector(config: CollectorConfig, logger: Logger): Promise<RunningCollector> {
  const has = (role: Role): boolean => config.roles.includes(role) || config.roles.includes("all");
  const authority = has("enroll") ? await authorityOf(config) : undefined;
  const { credentialsFile } = config.nats;
  const credentials = credentialsFile === "" ? "" : readSecretFile(credentialsFile);
  const stream = await BlockStream.open({ ...config.nats, credentials }, logger);
  const archive = Archive.open({ url: databaseUrl(config), database: config.mongodb.database });
  const metricsServer = await serveMetrics(config.metrics.listen);
  const stopping = new AbortController();
  void prepare(archive, stopping.signal, logger);

  const identities = new HostIdentities(archive.identities, stream, config.ingest, logger);
  const trust = trustBundle(config.tls.caFile, (pem) => receiver.tellTrust(pem));
  const presences = new Presences();
  const receiver = new Receiver(
    {
      ...config.ingest,
      sink: stream,
      identities,
      presences,
      trustBundle: trust.pem,
      collectorVersion: COLLECTOR_VERSION,
    },
    logger,
  );
  const telling = has("ingest") ? presences.tell(archive.presence, stopping.signal, logger) : undefined;
  // Agents are told with the welcome how large a block may be.
  stream.onBlockBytesMax(() => receiver.close());
  const history = new History(historySource(archive), { payloadBytesKept: config.query.cacheBytes });
  const storing = has("store")
    ? new Storer(stream, blockArchive(archive, history), archive.hosts, config.store, logger).run(stopping.signal)
    : undefined;
  const compacting = has("compact")
    ? new Compactor(compactArchive(archive), history, archive.hosts, config.compact, logger).run(stopping.signal)
    : undefined;
  const detecting = has("detect")
    ? runDetection({ stream, archive, history }, config, stopping.signal, logger)
    : undefined;
  const notifying = has("notify") ? runNotification({ stream, archive }, config, stopping.signal, logger) : undefined;
  const lag = has("store") ? setInterval(() => void tellLag(stream, logger), LAG_INTERVAL_MS) : undefined;
  const gate = new Gate(
    {
      access: accessOf(config, archive),
      scopes: new HostScopes((scope) => archive.identities.hostsWithin(scope)),
      record: (entry) => archive.apiAudit.appendAudit(entry),
      explain: explainQuery,
    },
    logger,
  );
  const { timeMaxMs, bytesMax, eventsMax, parallelMax, workers, peersMax } = config.query;
  const pool = new ScanPool(workers === 0 ? Math.max(1, availableParallelism() - 1) : workers);
  if (has("query")) pool.start();
  const readKey = (): Promise<Uint8Array> => archive.secrets.key("peers");
  const link = stream.peers;
  const peers =
    has("query") && peersMax > 0
      ? joinPeers({ link, readKey, pool, history, programVersion: COLLECTOR_VERSION, peersMax }, logger)
      : undefined;
  const past = {
    source: scanSource(history, dayRange, pool),
    finder: new HostSelection(selectArchive(archive)),
    turns: new Turns({ runningMax: parallelMax }),
    most: { timeMs: timeMaxMs, bytes: bytesMax, events: eventsMax },
    find: (hostId: string, epoch: bigint, seq: bigint) => history.find(hostId, epoch, seq),
  };
  const analysis = openAnalysisApi(archive, { ...past, scans: past.source }, gate, logger);
  const api = new QueryApi(
    {
      archive: {
        find: past.find,
        listHosts: (afterId, limit, hostIds) => archive.hosts.listHosts(afterId, limit, hostIds),
        getHost: (hostId) => archive.hosts.getHost(hostId),
      },
      ...past,
      tap: stream,
      gate,
      tokens: new PageTokens(() => archive.secrets.key("page tokens")),
      saved: archive.savedQueries,
    },
    logger,
  );
  const trials = new TestRulesApi(
    {
      begin: (query) => history.begin(query),
      dayRange,
      sieveOf: (unit) => history.sieveOf(unit),
      payloadOf: (unit) => history.payloadOf(unit),
    },
    gate,
    logger,
  );
  const { alerts, rules } = openDetectionApis({ archive, stream }, gate, logger);
  const confirmation = new Confirmation(history, logger);
  const administration = new AccessApi(
    { tokens: archive.tokens, identities: archive.identities, audit: archive.apiAudit },
    gate,
    (hostId) => stream.tellIdentity(hostId),
  );

  const servers: RunningServer[] = [];
  const start = async (
    isWanted: boolean,
    about: Pick<ServeOptions, "listen" | "clientCertificate" | "messageBytesMax">,
    services: () => Service[],
  ): Promise<number> => {
    if (!isWanted) return 0;
    const { max, perAddressMax, strangersPerAddressMax, handshakeTimeoutMs } = config.connections;
    const connectionsPerAddressMax = about.clientCertificate === "required" ? perAddressMax : strangersPerAddressMax;
    const options = { ...about, tls: config.tls, connectionsMax: max, connectionsPerAddressMax, handshakeTimeoutMs };
    const server = await serve(options, services(), logger);
    servers.push(server);
    return server.port;
  };
  const ingestPort = await start(
    has("ingest"),
    { listen: config.ingest.listen, clientCertificate: "required", messageBytesMax: BLOCK_MESSAGE_BYTES_MAX },
    () => [
      {
        name: "hosttrail.v1.IngestService",
        definition: IngestServiceService,
        implementation: { stream: receiver.stream, getCanary: confirmation.getCanary },
      },
    ],
  );
  const queryPort = await start(
    has("query"),
    { listen: config.query.listen, clientCertificate: "optional", messageBytesMax: REQUEST_BYTES_MAX },
    () => [
      { name: "hosttrail.v1.QueryService", definition: QueryServiceService, implementation: { ...api.methods } },
      {
        name: "hosttrail.v1.AnalysisService",
        definition: AnalysisServiceService,
        implementation: { ...analysis.methods },
      },
      {
        name: "hosttrail.v1.AccessService",
        definition: AccessServiceService,
        implementation: { ...administration.methods },
      },
      {
        name: "hosttrail.v1.RuleService",
        definition: RuleServiceService,
        implementation: { ...rules.methods, testRules: trials.testRules },
      },
      {
        name: "hosttrail.v1.AlertService",
        definition: AlertServiceService,
        implementation: { ...alerts.methods },
      },
      notifyService(stream, gate),
    ],
  );
  const enrollPort = await start(
    authority !== undefined,
    { listen: config.enroll.listen, clientCertificate: "optional", messageBytesMax: REQUEST_BYTES_MAX },
    () => [
      {
        name: "hosttrail.v1.EnrollmentService",
        definition: EnrollmentServiceService,
        implementation: { ...enrollmentOf(config, archive, authority as Authority, trust.pem, logger).methods },
      },
    ],
  );
  logger.info({ roles: config.roles, ingestPort, queryPort, enrollPort }, "collector started");

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    for (const server of servers) server.setServing(false);
    clearInterval(lag);
    trust.close();
    peers?.close();
    receiver.close();
    api.close();
    trials.close();
    alerts.close();
    await Promise.all(servers.map((server) => server.stop(config.shutdownDeadlineMs)));
    identities.close();
    stopping.abort();
    await Promise.all([storing, compacting, detecting, notifying, telling]);
    await pool.close();
    await stream.close();
    await archive.close();
    metricsServer?.close();
    logger.info("collector stopped");
  };
  return { ingestPort, queryPort, enrollPort, stop: () => (stopped ??= stop()) };
}

/** Whoever signs certificates; a node that has the role and nothing else must have one. */
async function authorityOf({ ca, roles }: CollectorConfig): Promise<Authority | undefined> {
  const authority = await openAuthority({ ...ca, hostCertificateMs: ca.hostCertificateMinutes * MINUTE_MS });
  if (authority === undefined && roles.includes("enroll")) {
    throw new Error("the role enroll needs ca.certificate_file and ca.key_file, or ca.command");
  }
  return authority;
}

function accessOf({ access }: CollectorConfig, { tokens }: Archive): Access {
  const { bindings, oidc } = access;
  if (oidc.issuer !== "" && oidc.audience === "")
    throw new Error("access.oidc.issuer is set, so audience must be, too");
  return new Access({
    bindings,
    findApiToken: (id) => tokens.getApiToken(id),
    checkProviderToken: oidc.issuer === "" ? undefined : openProvider(oidc),
  });
}

function enrollmentOf(
  { enroll }: CollectorConfig,
  { tokens, identities }: Archive,
  authority: Authority,
  trust: () => string,
  logger: Logger,
): Enrollment {
  const { certificatesFile, accounts, launchedWithinMinutes, labels } = enroll.aws;
  const aws =
    certificatesFile === ""
      ? undefined
      : {
          certificates: certificatesOf(readFileSync(certificatesFile, "utf8")),
          accounts,
          launchedWithinMs: launchedWithinMinutes * MINUTE_MS,
          labels,
        };
  return new Enrollment(
    tokens,
    identities,
    { authority, trustBundle: trust, graceMs: enroll.graceHours * HOUR_MS, aws },
    logger,
  );
}

/** The authorities that are trusted, as the file has them now; `changed` is told when it has others. */
function trustBundle(file: string, changed: (pem: string) => void): { pem: () => string; close: () => void } {
  let pem = readFileSync(file, "utf8");
  const look = (): void => {
    const now = readFileSync(file, "utf8");
    if (now === pem || !now.includes("-----END CERTIFICATE-----")) return;
    pem = now;
    changed(pem);
  };
  watchFile(file, { interval: TRUST_INTERVAL_MS, persistent: false }, look);
  return { pem: () => pem, close: () => unwatchFile(file, look) };
}

async function tellLag(stream: BlockStream, logger: Logger): Promise<void> {
  try {
    metrics.storeLagBlocks.set(await stream.lag());
  } catch (error) {
    logger.warn({ error: String(error) }, "JetStream does not tell how far storing lags");
  }
}

/** The database may come later than we. */
async function prepare(archive: Archive, signal: AbortSignal, logger: Logger): Promise<void> {
  while (!signal.aborted) {
    try {
      await archive.tokens.prepare();
      await archive.identities.prepare();
      if (await archive.findsRanges()) await archive.arrivals.prepare();
      return;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error: String(error) }, "indexes cannot be made yet");
      await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The database's URL; it may hold a password, so it can stand in a file of its own. */
function databaseUrl({ mongodb }: CollectorConfig): string {
  if (mongodb.urlFile !== "") return readSecretFile(mongodb.urlFile).trim();
  return mongodb.url === "" ? "mongodb://127.0.0.1:27017" : mongodb.url;
}
