/** The collector's configuration file: its schema, its defaults and its type. */
import {
  absolutePath,
  type ConfigSchema,
  integer,
  loadConfig,
  logLevel,
  MIB,
  mapOf,
  optionalPath,
} from "@hosttrail/lib/config";
import type { LogLevel } from "@hosttrail/lib/log";

export type Role = "all" | "ingest" | "store" | "query";

/** Sizes in bytes, times in milliseconds. */
export interface CollectorConfig {
  roles: Role[];
  logLevel: LogLevel;
  tls: { caFile: string; certificateFile: string; keyFile: string };
  ingest: { listen: string; credit: number; helloTimeoutMs: number; publishAttempts: number };
  query: { listen: string; blocksMax: number };
  store: { batchMax: number; lingerMs: number };
  metrics: { listen: string };
  nats: {
    servers: string[];
    credentialsFile: string;
    replicas: number;
    streamBytesMax: number;
    publishTimeoutMs: number;
    ackWaitMs: number;
  };
  mongodb: { urlFile: string; url: string; database: string };
  shutdownDeadlineMs: number;
}

/** `host:port`, or empty for not at all. */
const listen = (fallback: string): Record<string, unknown> => ({
  type: "string",
  pattern: "^(?:[^\\s]+:\\d{1,5})?$",
  default: fallback,
});

/** JSON Schema of collector.yaml. */
const collectorSchema: ConfigSchema = mapOf(
  {
    roles: {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: { type: "string", enum: ["all", "ingest", "store", "query"] },
      default: ["all"],
    },
    log_level: logLevel,
    tls: mapOf({ ca_file: absolutePath, certificate_file: absolutePath, key_file: absolutePath }, [
      "ca_file",
      "certificate_file",
      "key_file",
    ]),
    ingest: mapOf({
      listen: listen("0.0.0.0:7443"),
      credit: integer(1, 1024, 32),
      hello_timeout_ms: integer(100, 60_000, 5000),
      publish_attempts: integer(1, 100, 5),
    }),
    query: mapOf({ listen: listen("0.0.0.0:7444"), blocks_max: integer(1, 100_000, 2000) }),
    store: mapOf({ batch_max: integer(1, 2000, 64), linger_ms: integer(1, 5000, 20) }),
    metrics: mapOf({ listen: listen("127.0.0.1:9464") }),
    nats: mapOf({
      servers: { type: "array", minItems: 1, items: { type: "string" }, default: ["nats://127.0.0.1:4222"] },
      credentials_file: optionalPath,
      replicas: { type: "integer", enum: [1, 3, 5], default: 1 },
      stream_bytes_max: integer(16 * MIB, 1024 * 1024 * MIB, 4096 * MIB),
      publish_timeout_ms: integer(100, 60_000, 5000),
      ack_wait_ms: integer(1000, 600_000, 30_000),
    }),
    mongodb: mapOf({
      url: { type: "string", default: "" },
      url_file: optionalPath,
      database: { type: "string", pattern: "^[A-Za-z0-9_-]{1,63}$", default: "hosttrail" },
    }),
    shutdown_deadline_ms: integer(100, 60_000, 5000),
  },
  ["tls"],
);

/** Reads collector.yaml; throws a ConfigError that names every problem. */
export function loadCollectorConfig(file: string): CollectorConfig {
  return loadConfig<CollectorConfig>(file, collectorSchema);
}
