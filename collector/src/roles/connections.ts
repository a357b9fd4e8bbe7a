/** How the configuration says that NATS and the database are reached. */
import { readSecretFile } from "@hosttrail/lib/files";
import type { CollectorConfig } from "../config/index.ts";
import type { JetStreamOptions } from "../jetstream/index.ts";
import type { MongoOptions } from "../mongodb/index.ts";

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

/** How the database is reached. Throws an Error that names the setting where a secret cannot be read. */
export function databaseOptions({ mongodb }: Pick<CollectorConfig, "mongodb">): MongoOptions {
  const { url, urlFile, user, passwordFile, database, historyDatabase, tls, manage } = mongodb;
  return {
    url: urlFile !== "" ? secret("url_file", urlFile).trim() : url === "" ? "mongodb://127.0.0.1:27017" : url,
    database,
    historyDatabase,
    login: user === "" ? undefined : { user, password: secret("password_file", passwordFile) },
    tls: tls.enabled ? tls : undefined,
    isManaging: manage,
  };
}

/** Without the line's end, which editors make. */
function secret(key: string, file: string): string {
  try {
    return readSecretFile(file).replace(/\r?\n$/, "");
  } catch (error) {
    throw new Error(`mongodb.${key}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
