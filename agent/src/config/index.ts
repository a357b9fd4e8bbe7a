/** The agent's configuration file: its schema, its defaults and its type. */
import {
  absolutePath,
  address,
  ConfigError,
  type ConfigSchema,
  choice,
  integer,
  loadConfig,
  logLevel,
  MIB,
  mapOf,
  optionalPath,
} from "@hosttrail/lib/config";
import type { LogLevel } from "@hosttrail/lib/log";

/** Sizes in bytes, times in milliseconds. */
export interface AgentConfig {
  /** Empty: the agent makes a key of its own, whose fingerprint is the id, and enrols. */
  hostId: string;
  stateDirectory: string;
  /** For what need not outlive a reboot; best on tmpfs. */
  runtimeDirectory: string;
  /** Where the host's root is seen from here, as in a container; empty for this root itself. */
  hostRoot: string;
  /** One line that names the fleet's spec by which the host was set up; the collector is told. */
  specFile: string;
  logLevel: LogLevel;
  labels: Record<string, string>;
  collector: {
    endpoints: string[];
    caFile: string;
    /** Empty with an identity of the agent's own. */
    certificateFile: string;
    keyFile: string;
    storedTimeoutMs: number;
    backoffMinMs: number;
    backoffMaxMs: number;
    statusIntervalMs: number;
  };
  enroll: { endpoints: string[]; method: "token" | "aws"; tokenFile: string; removeToken: boolean };
  source: {
    mode: "auto" | "unicast" | "multicast" | "plugin" | "file" | "none";
    path: string;
    receiveBufferBytes: number;
    ringBytes: number;
  };
  audit: {
    enable: boolean;
    manage: "auto" | "never";
    backlogLimit: number;
    rulesFiles: string[];
    rulesDirectory: string;
    excludeSelf: boolean;
    onStop: "keep" | "release";
    priorities: { low: string[]; high: string[] };
  };
  reassemble: { timeoutMs: number; bytesMax: number };
  enrich: {
    executableHashBytesMax: number;
    cloud: "auto" | "aws" | "none";
    imdsEndpoint: string;
    tagsIntervalMs: number;
    tagLabels: Record<string, string>;
  };
  notice: { intervalMs: number };
  integrity: { paths: string[]; bytesMax: number; settleMs: number };
  redact: { enabled: boolean; arguments: "redact" | "none"; keyFile: string; patterns: string[] };
  block: { lingerMs: number };
  spool: {
    bytesMax: number;
    segmentBytes: number;
    hoursMax: number;
    sync: "always" | "second" | "never";
    retryMs: number;
    quarantineBytesMax: number;
  };
  budget: { cpuPercent: number; memoryBytes: number; shed: "low" | "normal"; nice: number; cpus: number[] };
  ledgerIntervalMs: number;
  pageOutIntervalMs: number;
  shutdownDeadlineMs: number;
}

const keys = { type: "array", default: [], maxItems: 256, items: { type: "string", minLength: 1, maxLength: 256 } };

/** JSON Schema of agent.yaml. */
export const agentSchema: ConfigSchema = mapOf(
  {
    host_id: {
      type: "string",
      pattern: "^(?:[0-9a-f]{32})?$",
      default: "",
      description: "As in the certificate of collector.certificate_file; empty where the agent enrols by itself.",
    },
    state_directory: { ...absolutePath, default: "/var/lib/hosttrail-agent" },
    runtime_directory: { ...absolutePath, default: "/run/hosttrail-agent" },
    host_root: {
      ...optionalPath,
      pattern: "^(?:(?:/[^/]+)+)?$",
      description:
        "Where the host's root is seen from here, for an agent in a container of the host's pid namespace: /proc/1/root. Empty for this root itself.",
    },
    spec_file: {
      ...optionalPath,
      default: "/etc/hosttrail-agent/spec",
      description: "Names the fleet's spec that made this host, in one line. It need not be there.",
    },
    log_level: logLevel,
    labels: {
      type: "object",
      default: {},
      additionalProperties: { type: "string", maxLength: 256 },
      maxProperties: 64,
    },
    collector: mapOf(
      {
        endpoints: { type: "array", minItems: 1, maxItems: 16, items: address },
        ca_file: absolutePath,
        certificate_file: optionalPath,
        key_file: optionalPath,
        stored_timeout_ms: integer(1000, 3_600_000, 60_000),
        backoff_min_ms: integer(10, 60_000, 500),
        backoff_max_ms: integer(100, 600_000, 30_000),
        status_interval_ms: integer(1000, 600_000, 60_000),
      },
      ["endpoints", "ca_file"],
    ),
    enroll: mapOf({
      endpoints: { type: "array", default: [], maxItems: 16, items: address },
      method: choice(["token", "aws"], "token"),
      token_file: { ...optionalPath, description: "A secret; the collector's `hosttrail token create` makes it." },
      remove_token: { type: "boolean", default: true, description: "Delete the token's file once it was used." },
    }),
    source: mapOf({
      mode: choice(["auto", "unicast", "multicast", "plugin", "file", "none"], "auto"),
      path: optionalPath,
      receive_buffer_bytes: integer(65_536, 256 * MIB, 16 * MIB),
      ring_bytes: integer(MIB, 1024 * MIB, 64 * MIB),
    }),
    audit: mapOf({
      enable: { type: "boolean", default: true, description: "Switch the kernel's audit on." },
      manage: choice(["auto", "never"], "auto"),
      backlog_limit: integer(64, 1_048_576, 8192),
      rules_files: { type: "array", default: [], maxItems: 64, items: absolutePath },
      rules_directory: { ...optionalPath, default: "/etc/hosttrail-agent/rules.d" },
      exclude_self: { type: "boolean", default: true, description: "Never audit the agent's own process." },
      on_stop: choice(["keep", "release"], "keep"),
      priorities: mapOf({ low: keys, high: keys }),
    }),
    reassemble: mapOf({ timeout_ms: integer(100, 60_000, 2000), bytes_max: integer(MIB, 1024 * MIB, 16 * MIB) }),
    enrich: mapOf({
      executable_hash_bytes_max: integer(0, 1024 * MIB, 16 * MIB),
      cloud: choice(["auto", "aws", "none"], "auto"),
      imds_endpoint: { type: "string", pattern: "^http://[^\\s/]+$", default: "http://169.254.169.254" },
      tags_interval_ms: {
        ...integer(10_000, 86_400_000, 300_000),
        description: "Between two looks at the instance's tags.",
      },
      tag_labels: {
        type: "object",
        default: {},
        additionalProperties: { type: "string", minLength: 1, maxLength: 128 },
        maxProperties: 32,
        description:
          "Labels that the host's events get from tags of the instance: the tag's key for each. `labels` goes before them.",
      },
    }),
    notice: mapOf({
      interval_ms: {
        ...integer(1000, 60_000, 5000),
        description: "Between two looks whether a spot instance, or one of an Auto Scaling group, is about to end.",
      },
    }),
    integrity: mapOf({
      paths: { type: "array", default: [], maxItems: 256, items: { type: "string", pattern: "^/(?:.*[^/])?$" } },
      bytes_max: integer(0, 1024 * MIB, 16 * MIB),
      settle_ms: integer(10, 10_000, 500),
    }),
    redact: mapOf({
      enabled: { type: "boolean", default: true },
      arguments: {
        ...choice(["redact", "none"], "redact"),
        description: "none: of command lines nothing is kept but the program.",
      },
      key_file: { ...optionalPath, description: "Key of the markers' hash; one of this host's own where empty." },
      patterns: {
        type: "array",
        default: [],
        maxItems: 64,
        items: { type: "string", minLength: 1, maxLength: 1024 },
        description: "Regular expressions in RE2's syntax; the first group is the secret, or the whole match.",
      },
    }),
    block: mapOf({ linger_ms: integer(10, 60_000, 600) }),
    spool: mapOf({
      bytes_max: integer(4 * MIB, 1024 * 1024 * MIB, 512 * MIB),
      segment_bytes: integer(65_536, 256 * MIB, MIB),
      hours_max: integer(0, 24 * 365, 24 * 30),
      sync: choice(["always", "second", "never"], "always"),
      retry_ms: integer(100, 600_000, 2000),
      quarantine_bytes_max: {
        ...integer(MIB, 1024 * 1024 * MIB, 64 * MIB),
        description: "Of blocks that the collector refused, and of damaged ones; then the oldest goes.",
      },
    }),
    budget: mapOf({
      cpu_percent: { ...integer(0, 6400, 0), description: "Of one CPU; 0 for no bound." },
      memory_bytes: integer(0, 64 * 1024 * MIB, 256 * MIB),
      shed: choice(["low", "normal"], "low"),
      nice: integer(-20, 19, 0),
      cpus: { type: "array", default: [], maxItems: 1024, items: { type: "integer", minimum: 0, maximum: 1023 } },
    }),
    ledger_interval_ms: integer(1000, 3_600_000, 60_000),
    page_out_interval_ms: { ...integer(0, 86_400_000, 30_000), description: "0 for never." },
    shutdown_deadline_ms: integer(100, 600_000, 5000),
  },
  ["collector"],
);

/** Reads agent.yaml; throws a ConfigError that names every problem. */
export function loadAgentConfig(file: string): AgentConfig {
  const config = loadConfig<AgentConfig>(file, agentSchema);
  const { hostId, collector, enroll } = config;
  const given = [hostId, collector.certificateFile, collector.keyFile].filter((value) => value !== "");
  if (given.length !== 0 && given.length !== 3) {
    throw new ConfigError([
      `${file}: host_id, collector.certificate_file and collector.key_file belong together: give all three, or none and enroll.endpoints`,
    ]);
  }
  if (given.length === 0 && enroll.endpoints.length === 0) {
    throw new ConfigError([
      `${file}: the agent has no identity: give enroll.endpoints, or host_id, collector.certificate_file and collector.key_file`,
    ]);
  }
  return config;
}
