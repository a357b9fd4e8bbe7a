/** The collector's configuration file: its schema, its defaults and its type. */
import { statSync } from "node:fs";
import { LINK_WINDOW_DEFAULT, LINK_WINDOW_MAX } from "@hosttrail/lib/block";
import {
  absolutePath,
  ConfigError,
  type ConfigSchema,
  integer,
  loadConfig,
  logLevel,
  MIB,
  mapOf,
  optionalPath,
} from "@hosttrail/lib/config";
import type { LogLevel } from "@hosttrail/lib/log";

import { checkConsole, type ConsoleConfig, consoleSchema } from "./console.ts";
import { checkCoverage, type CoverageConfig, coverageSchema } from "./coverage.ts";
import { checkExport, type ExportConfig, exportSchema } from "./export.ts";
import { checkMongodb, type MongodbConfig, mongodbSchema } from "./mongodb.ts";
import { checkNotify, type NotifyConfig, notifySchema } from "./notify.ts";

export { looksAtAws } from "./coverage.ts";
export { exportFormatOf, type ExportTargetConfig } from "./export.ts";
export { type Change, changeOf } from "./live.ts";

export type Role =
  | "all"
  | "ingest"
  | "store"
  | "compact"
  | "query"
  | "enroll"
  | "detect"
  | "notify"
  | "attest"
  | "coverage"
  | "export"
  | "console";

/** Sizes in bytes, times in milliseconds. */
export interface CollectorConfig {
  roles: Role[];
  logLevel: LogLevel;
  tls: { caFile: string; certificateFile: string; keyFile: string };
  /** Bounds on whoever connects, before anybody is known. */
  connections: {
    max: number;
    perAddressMax: number;
    strangersPerAddressMax: number;
    handshakeTimeoutMs: number;
    maxAgeSeconds: number;
    graceMs: number;
  };
  ingest: {
    listen: string;
    hosts: "enrolled" | "certified";
    credit: number;
    linkWindowBytes: number;
    linkMemoryBytes: number;
    helloTimeoutMs: number;
    publishAttempts: number;
    publishingBytesMax: number;
    clockOffsetWarnMs: number;
    quota: {
      blocksPerSecond: number;
      bytesPerSecond: number;
      eventsPerSecond: number;
      burstSeconds: number;
      waitingBlocksMax: number;
      waitingBytesMax: number;
      streamsMax: number;
    };
  };
  enroll: {
    listen: string;
    graceHours: number;
    aws: {
      certificatesFile: string;
      accounts: string[];
      launchedWithinMinutes: number;
      labels: Record<string, string>;
    };
  };
  ca: {
    certificateFile: string;
    keyFile: string;
    passphraseFile: string;
    command: string[];
    commandTimeoutMs: number;
    hostCertificateMinutes: number;
  };
  access: {
    bindings: { subject: string; role: "viewer" | "responder" | "admin"; scope: Record<string, string> }[];
    oidc: {
      issuer: string;
      audience: string;
      userClaim: string;
      groupsClaim: string;
      clockToleranceSeconds: number;
    };
  };
  query: {
    listen: string;
    eventsMax: number;
    bytesMax: number;
    timeMaxMs: number;
    workers: number;
    cacheBytes: number;
    parallelMax: number;
    peersMax: number;
    pastAuthoritiesFile: string;
  };
  store: {
    batchMax: number;
    lingerMs: number;
    deliveriesMax: number;
    daysBackMax: number;
    hoursAheadMax: number;
  };
  compact: { turnMs: number; ageMs: number; blocksMin: number };
  retention: {
    turnMs: number;
    graceHours: number;
    clockGapHours: number;
    confirmPercent: number;
    waitForLog: boolean;
    asideDirectory: string;
  };
  detect: {
    batchMax: number;
    lingerMs: number;
    windowMinutes: number;
    checkpointMs: number;
    leaseMs: number;
    lateAfterMs: number;
    awayMinutes: number;
    silentMinutes: number;
    findingsMs: number;
  };
  notify: NotifyConfig;
  attest: {
    origin: string;
    keyFile: string;
    policyFile: string;
    intervalMs: number;
    leaseMs: number;
    witnessTimeoutMs: number;
    listen: string;
    readers: "users" | "anybody";
  };
  coverage: CoverageConfig;
  export: ExportConfig;
  console: ConsoleConfig;
  metrics: { listen: string };
  nats: {
    servers: string[];
    credentialsFile: string;
    inboxPrefix: string;
    tls: { enabled: boolean; caFile: string; certificateFile: string; keyFile: string; handshakeFirst: boolean };
    manage: boolean;
    replicas: number;
    streams: number;
    placementTags: string[];
    streamBytesMax: number;
    publishTimeoutMs: number;
    ackWaitMs: number;
  };
  mongodb: MongodbConfig;
  shutdownDeadlineMs: number;
}

/** `host:port`, or empty for not at all. */
const listen = (fallback: string): Record<string, unknown> => ({
  type: "string",
  pattern: "^(?:[^\\s]+:\\d{1,5})?$",
  default: fallback,
});

/** Labels of hosts. */
const labels = {
  type: "object",
  default: {},
  additionalProperties: { type: "string", maxLength: 256 },
  maxProperties: 64,
};

/** JSON Schema of collector.yaml. */
export const collectorSchema: ConfigSchema = mapOf(
  {
    roles: {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: {
        type: "string",
        enum: [
          "all",
          "ingest",
          "store",
          "compact",
          "query",
          "enroll",
          "detect",
          "notify",
          "attest",
          "coverage",
          "export",
          "console",
        ],
      },
      default: ["all"],
    },
    log_level: logLevel,
    tls: mapOf({ ca_file: absolutePath, certificate_file: absolutePath, key_file: absolutePath }, [
      "ca_file",
      "certificate_file",
      "key_file",
    ]),
    connections: mapOf({
      max: integer(16, 1_000_000, 16_384),
      per_address_max: integer(1, 1_000_000, 4096),
      strangers_per_address_max: integer(1, 1_000_000, 256),
      handshake_timeout_ms: integer(500, 120_000, 10_000),
      max_age_seconds: {
        ...integer(0, 604_800, 3600),
        description:
          "Callers are asked to connect anew after this time, agents each after half of it at least, so that they spread over collectors that came meanwhile. 0: never.",
      },
      grace_ms: {
        ...integer(100, 600_000, 30_000),
        description: "An agent that was asked so and does not go is cut off after this time.",
      },
    }),
    ingest: mapOf({
      listen: listen("0.0.0.0:7443"),
      hosts: {
        type: "string",
        enum: ["enrolled", "certified"],
        default: "enrolled",
        description: "certified: also hosts that never enrolled here, by any certificate of tls.ca_file.",
      },
      credit: integer(1, 1024, 32),
      link_window_bytes: {
        ...integer(0, LINK_WINDOW_MAX, LINK_WINDOW_DEFAULT),
        description: "Kept of each agent's stream, to compress its small blocks after those before them; 0: none.",
      },
      link_memory_bytes: {
        ...integer(MIB, 65_536 * MIB, 48 * MIB),
        description:
          "Of all streams together; where agents are so many that it is used up, those that come keep less, 2 KiB at least.",
      },
      hello_timeout_ms: integer(100, 60_000, 5000),
      publish_attempts: integer(1, 100, 5),
      publishing_bytes_max: {
        ...integer(16 * MIB, 65_536 * MIB, 256 * MIB),
        description: "Blocks of all agents that came and are not in JetStream yet; beyond that agents wait.",
      },
      clock_offset_warn_ms: integer(100, 86_400_000, 5000),
      // Of each host, on each node.
      quota: mapOf({
        blocks_per_second: integer(1, 1_000_000, 50),
        bytes_per_second: integer(1024, 1024 * MIB, 8 * MIB),
        events_per_second: integer(1, 100_000_000, 50_000),
        burst_seconds: integer(1, 600, 1),
        waiting_blocks_max: integer(1, 1_000_000, 4096),
        waiting_bytes_max: integer(MIB, 1024 * 1024 * MIB, 64 * MIB),
        streams_max: integer(1, 1000, 4),
      }),
    }),
    enroll: mapOf({
      listen: listen("0.0.0.0:7445"),
      grace_hours: integer(0, 8760, 720),
      aws: mapOf({
        certificates_file: optionalPath,
        accounts: { type: "array", items: { type: "string", pattern: "^\\d{12}$" }, default: [] },
        launched_within_minutes: integer(1, 525_600, 60),
        labels,
      }),
    }),
    ca: mapOf({
      certificate_file: optionalPath,
      key_file: optionalPath,
      passphrase_file: optionalPath,
      command: { type: "array", items: { type: "string" }, default: [] },
      command_timeout_ms: integer(100, 120_000, 15_000),
      host_certificate_minutes: integer(1, 525_600, 43_200),
    }),
    access: mapOf({
      bindings: {
        type: "array",
        default: [],
        items: mapOf(
          {
            subject: { type: "string", pattern: "^(?:certificate|oidc|oidc-group):\\S.{0,255}$" },
            role: { type: "string", enum: ["viewer", "responder", "admin"] },
            scope: labels,
          },
          ["subject", "role"],
        ),
      },
      oidc: mapOf({
        issuer: { type: "string", pattern: "^(?:https?://\\S+)?$", default: "" },
        audience: { type: "string", default: "" },
        user_claim: { type: "string", minLength: 1, default: "sub" },
        groups_claim: { type: "string", minLength: 1, default: "groups" },
        clock_tolerance_seconds: integer(0, 300, 30),
      }),
    }),
    query: mapOf({
      listen: listen("0.0.0.0:7444"),
      events_max: {
        ...integer(1000, 100_000_000_000, 200_000_000),
        description: "Events that one question looks at before it answers with what it has.",
      },
      bytes_max: {
        ...integer(MIB, 1024 * 1024 * MIB, 16 * 1024 * MIB),
        description: "Bytes of stored payloads that one question reads before it answers with what it has.",
      },
      time_max_ms: {
        ...integer(100, 3_600_000, 60_000),
        description: "Time that one question takes before it answers with what it has.",
      },
      parallel_max: {
        ...integer(2, 1024, 32),
        description: "Questions that are answered at once, half of them of one caller; others wait for their turn.",
      },
      workers: {
        ...integer(0, 64, 0),
        description: "Threads that look at segments. 0: one less than there are cores, and at least one.",
      },
      peers_max: {
        ...integer(0, 64, 16),
        description:
          "Other query processes that read for a large question of this one, at most. 0: none, and it reads for none.",
      },
      cache_bytes: {
        ...integer(0, 256 * 1024 * MIB, 64 * MIB),
        description: "Stored payloads that are kept in memory for the next question: some 10 bytes an event.",
      },
      past_authorities_file: {
        ...optionalPath,
        description:
          "Authorities that vouched for hosts in earlier times, PEM, beside those of tls.ca_file: verify believes their certificates. Nobody is let in by them.",
      },
    }),
    store: mapOf({
      batch_max: integer(1, 2000, 64),
      linger_ms: integer(1, 5000, 20),
      deliveries_max: integer(5, 1000, 20),
      days_back_max: integer(1, 36_500, 400),
      hours_ahead_max: integer(1, 48, 24),
    }),
    compact: mapOf({
      turn_ms: integer(50, 600_000, 10_000),
      age_ms: {
        ...integer(0, 3_600_000, 300_000),
        description: "A block waits so long for others of its host before they become a part of a segment.",
      },
      blocks_min: { ...integer(1, 16_384, 32), description: "Or until there are so many of its host and day." },
    }),
    retention: mapOf({
      turn_ms: {
        ...integer(1000, 86_400_000, 600_000),
        description: "How often a process with the role compact looks for what is kept by nothing any more.",
      },
      grace_hours: {
        ...integer(0, 8760, 24),
        description: "What is kept by nothing is dropped after so long, if nothing keeps it still.",
      },
      clock_gap_hours: {
        ...integer(1, 8760, 2),
        description: "Nothing is dropped while the newest event of any host is older than this.",
      },
      confirm_percent: {
        ...integer(0, 100, 10),
        description: "A change of policies by which more of what is stored is dropped must be confirmed.",
      },
      wait_for_log: {
        type: "boolean",
        default: false,
        description: "true: nothing goes before the transparency log has it; for where a process has the role attest.",
      },
      aside_directory: {
        ...optionalPath,
        description:
          "Days are put here as files before they are dropped, one for each host; empty: they are only dropped.",
      },
    }),
    detect: mapOf({
      batch_max: integer(1, 2000, 16),
      linger_ms: integer(1, 5000, 10),
      window_minutes: {
        ...integer(1, 1440, 60),
        description: "Matches of a rule on a host are one alert for so long; windows begin at whole multiples of it.",
      },
      checkpoint_ms: integer(100, 600_000, 5000),
      lease_ms: {
        ...integer(500, 120_000, 5000),
        description: "When the process that raises alerts dies, another one takes over after this time.",
      },
      late_after_ms: {
        ...integer(1000, 86_400_000, 60_000),
        description: "An alert says that its event came late where it was on its way for longer.",
      },
      away_minutes: {
        ...integer(1, 10_080, 60),
        description: "Blocks wait so long for detection where no process has the role any more; later ones pass it by.",
      },
      silent_minutes: {
        ...integer(1, 1440, 15),
        description: "A host is silent when it is not connected and sent nothing for so long.",
      },
      findings_ms: {
        ...integer(500, 600_000, 30_000),
        description: "How often hosts and the database's disk are looked at.",
      },
    }),
    notify: notifySchema,
    attest: mapOf({
      origin: {
        type: "string",
        pattern: "^(?:[^\\s+]{1,256})?$",
        default: "",
        description: "Name of the transparency log, for good, as log.example.org/hosttrail. Empty: there is none.",
      },
      key_file: optionalPath,
      policy_file: {
        ...optionalPath,
        description:
          "Witnesses that cosign, and how many must: C2SP tlog-policy. Read when a process begins to keep the log.",
      },
      interval_ms: { ...integer(100, 3_600_000, 60_000), description: "How often heads of chains go into the log." },
      lease_ms: {
        ...integer(500, 120_000, 15_000),
        description: "When the process that keeps the log dies, another one takes over after this time.",
      },
      witness_timeout_ms: integer(100, 120_000, 10_000),
      listen: { ...listen(""), description: "Where the log's files are served over HTTPS. Empty: nowhere." },
      readers: {
        type: "string",
        enum: ["users", "anybody"],
        default: "users",
        description:
          "users: who has a role for all hosts, by certificate or token. anybody: ids of hosts stand in these files.",
      },
    }),
    coverage: coverageSchema,
    export: exportSchema,
    console: consoleSchema,
    metrics: mapOf({ listen: listen("127.0.0.1:9464") }),
    nats: mapOf({
      servers: { type: "array", minItems: 1, items: { type: "string" }, default: ["nats://127.0.0.1:4222"] },
      credentials_file: optionalPath,
      inbox_prefix: {
        type: "string",
        pattern: "^(?:[A-Za-z0-9_-]{1,64})?$",
        default: "",
        description: "Subjects of answers begin so, for a login that may listen to its own alone.",
      },
      tls: mapOf({
        enabled: { type: "boolean", default: false, description: "Nothing is said to a server without TLS." },
        ca_file: optionalPath,
        certificate_file: optionalPath,
        key_file: optionalPath,
        handshake_first: { type: "boolean", default: false },
      }),
      manage: {
        type: "boolean",
        default: true,
        description:
          "Streams and consumers that are missing are made. false: hosttrail-collector nats apply makes them.",
      },
      replicas: { type: "integer", enum: [1, 3, 5], default: 1 },
      streams: {
        ...integer(0, 64, 0),
        description:
          "Streams over which the 64 partitions of hosts are spread. 0: one, or two for each replica where there are several.",
      },
      placement_tags: { type: "array", items: { type: "string", minLength: 1 }, default: [] },
      stream_bytes_max: integer(16 * MIB, 1024 * 1024 * MIB, 4096 * MIB),
      publish_timeout_ms: integer(100, 60_000, 5000),
      ack_wait_ms: integer(1000, 600_000, 30_000),
    }),
    mongodb: mongodbSchema,
    shutdown_deadline_ms: integer(100, 60_000, 5000),
  },
  ["tls"],
);

/** `scheme://user:password@…`. */
const PASSWORD = /^[a-z+]+:\/\/[^/@]*:[^/@]*@/;

/** Reads collector.yaml; throws a ConfigError that names every problem. */
export function loadCollectorConfig(file: string): CollectorConfig {
  const config = loadConfig<CollectorConfig>(file, collectorSchema);
  checkNotify(file, config.notify);
  checkMongodb(file, config.mongodb);
  checkConsole(file, config.console, config.access.oidc.issuer);
  checkCoverage(file, config.coverage);
  checkExport(file, config.export);
  const { mode } = statSync(file);
  const holder = PASSWORD.test(config.mongodb.url)
    ? "mongodb.url"
    : config.nats.servers.some((server) => PASSWORD.test(server))
      ? "nats.servers"
      : "";
  if (holder !== "" && (mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    throw new ConfigError([
      `${file}: ${holder} has a password in it, and the file has mode ${octal}; allowed are 0600 and 0400`,
    ]);
  }
  return config;
}
