/** How the configuration says that NATS and the database are reached. */
import { readSecretFile } from "@hosttrail/lib/files";
import type { CollectorConfig } from "../config/index.ts";
import type { JetStreamOptions } from "../jetstream/index.ts";

/** Two for each replica, so that each node is the leader of some and can be spared. */
const STREAMS_PER_REPLICA = 2;

export function natsOptions({ nats }: Pick<CollectorConfig, "nats">): JetStreamOptions & { streams: number } {
  const { credentialsFile, tls, manage, streams, ...rest } = nats;
  return {
    ...rest,
    credentials: credentialsFile === "" ? "" : readSecretFile(credentialsFile),
    tls: tls.enabled ? tls : undefined,
    isManaging: manage,
    streams: streams > 0 ? streams : nats.replicas === 1 ? 1 : STREAMS_PER_REPLICA * nats.replicas,
  };
}

/** The database's URL; it may hold a password, so it can stand in a file of its own. */
export function databaseUrl({ mongodb }: Pick<CollectorConfig, "mongodb">): string {
  if (mongodb.urlFile !== "") return readSecretFile(mongodb.urlFile).trim();
  return mongodb.url === "" ? "mongodb://127.0.0.1:27017" : mongodb.url;
}
