/** The collector's whole way: receive -> [JetStream] -> store -> [MongoDB] -> query. Each role runs alone or with others. */
import { readFileSync } from "node:fs";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import { IngestServiceService } from "@hosttrail/proto/ingest";
import { QueryServiceService } from "@hosttrail/proto/query";
import type { CollectorConfig, Role } from "./config/index.ts";
import { BlockStream } from "./jetstream/index.ts";
import { serveMetrics } from "./metrics/index.ts";
import { Archive, dayRange } from "./mongodb/index.ts";
import { QueryApi } from "./query/index.ts";
import { Receiver } from "./receive/index.ts";
import { type RunningServer, serve } from "./serve/index.ts";
import { Storer } from "./store/index.ts";

/** Version of this collector, as it tells agents and logs. */
export const COLLECTOR_VERSION = "0.1.0";

export interface RunningCollector {
  /** Ports that were given; 0 where the role does not run. */
  ingestPort: number;
  queryPort: number;
  /** Stops intake, settles what is under way, closes. Safe twice. */
  stop(): Promise<void>;
}

/** Starts the roles; throws where one cannot start. */
export async function startCollector(config: CollectorConfig, logger: Logger): Promise<RunningCollector> {
  const has = (role: Role): boolean => config.roles.includes(role) || config.roles.includes("all");
  const tls = {
    ca: readFileSync(config.tls.caFile, "utf8"),
    certificate: readFileSync(config.tls.certificateFile, "utf8"),
    key: readSecretFile(config.tls.keyFile),
  };
  const { credentialsFile } = config.nats;
  const credentials = credentialsFile === "" ? "" : readSecretFile(credentialsFile);
  const stream = await BlockStream.open({ ...config.nats, credentials }, logger);
  const archive = Archive.open({ url: databaseUrl(config), database: config.mongodb.database });
  const metricsServer = await serveMetrics(config.metrics.listen);
  const stopping = new AbortController();

  const receiver = new Receiver({ ...config.ingest, sink: stream, collectorVersion: COLLECTOR_VERSION }, logger);
  const storing = has("store") ? new Storer(stream, archive, logger).run(config.store, stopping.signal) : undefined;
  const api = new QueryApi(
    {
      days: () => archive.days(),
      dayRange,
      findBlocks: (query) => archive.findBlocks(query),
      findBlockOf: (hostId, epoch, seq) => archive.findBlockOf(hostId, epoch, seq),
      listHosts: (afterId, limit) => archive.listHosts(afterId, limit),
      getHost: (hostId) => archive.getHost(hostId),
    },
    stream,
    config.query,
    logger,
  );

  const servers: RunningServer[] = [];
  const start = async (role: Role, run: () => Promise<RunningServer>): Promise<number> => {
    if (!has(role)) return 0;
    const server = await run();
    servers.push(server);
    return server.port;
  };
  const ingestPort = await start("ingest", () =>
    serve({ ...config.ingest, ...tls }, "hosttrail.v1.IngestService", IngestServiceService, {
      stream: receiver.stream,
    }),
  );
  const queryPort = await start("query", () =>
    serve({ ...config.query, ...tls }, "hosttrail.v1.QueryService", QueryServiceService, { ...api.methods }),
  );
  logger.info({ roles: config.roles, ingestPort, queryPort }, "collector started");

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    for (const server of servers) server.setServing(false);
    receiver.close();
    api.close();
    await Promise.all(servers.map((server) => server.stop(config.shutdownDeadlineMs)));
    stopping.abort();
    await storing;
    await stream.close();
    await archive.close();
    metricsServer?.close();
    logger.info("collector stopped");
  };
  return { ingestPort, queryPort, stop: () => (stopped ??= stop()) };
}

/** The database's URL; it may hold a password, so it can stand in a file of its own. */
function databaseUrl({ mongodb }: CollectorConfig): string {
  if (mongodb.urlFile !== "") return readSecretFile(mongodb.urlFile).trim();
  return mongodb.url === "" ? "mongodb://127.0.0.1:27017" : mongodb.url;
}
