/** The agent's configuration file: its schema, its defaults and its type. */
import {
  absolutePath,
  address,
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
  hostId: string;
  stateDirectory: string;
  /** For what need not outlive a reboot; best on tmpfs. */
  runtimeDirectory: string;
  logLevel: LogLevel;
  labels: Record<string, string>;
  collector: {
    endpoints: string[];
    caFile: string;
    certificateFile: string;
    keyFile: string;
    storedTimeoutMs: number;
    backoffMinMs: number;
    backoffMaxMs: number;
    statusIntervalMs: number;
  };
  source: {
    mode: "auto" | "unicast" | "multicast" | "plugin" | "file";
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
  enrich: { executableHashBytesMax: number; cloud: "auto" | "aws" | "none"; imdsEndpoint: string };
  integrity: { paths: string[]; bytesMax: number; settleMs: number };
  redact: { enabled: boolean; keyFile: string; patterns: string[] };
  block: { lingerMs: number };
  spool: {
    bytesMax: number;
    segmentBytes: number;
    hoursMax: number;
    sync: "always" | "second" | "never";
    retryMs: number;
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
    host_id: { type: "string", pattern: "^[0-9a-f]{32}$", description: "As in the host's certificate." },
    state_directory: { ...absolutePath, default: "/var/lib/hosttrail-agent" },
    runtime_directory: { ...absolutePath, default: "/run/hosttrail-agent" },
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
        certificate_file: absolutePath,
        key_file: absolutePath,
        stored_timeout_ms: integer(1000, 3_600_000, 60_000),
        backoff_min_ms: integer(10, 60_000, 500),
        backoff_max_ms: integer(100, 600_000, 30_000),
        status_interval_ms: integer(1000, 600_000, 60_000),
      },
      ["endpoints", "ca_file", "certificate_file", "key_file"],
    ),
    source: mapOf({
      mode: choice(["auto", "unicast", "multicast", "plugin", "file"], "auto"),
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
    }),
    integrity: mapOf({
      paths: { type: "array", default: [], maxItems: 256, items: { type: "string", pattern: "^/(?:.*[^/])?$" } },
      bytes_max: integer(0, 1024 * MIB, 16 * MIB),
      settle_ms: integer(10, 10_000, 500),
    }),
    redact: mapOf({
      enabled: { type: "boolean", default: true },
      key_file: { ...optionalPath, description: "Key of the markers' hash; one of this host's own where empty." },
      patterns: {
        type: "array",
        default: [],
        maxItems: 64,
        items: { type: "string", minLength: 1, maxLength: 1024 },
        description: "Regular expressions in RE2's syntax; the first group is the secret, or the whole match.",
      },
    }),
    block: mapOf({ linger_ms: integer(10, 60_000, 1000) }),
    spool: mapOf({
      bytes_max: integer(4 * MIB, 1024 * 1024 * MIB, 512 * MIB),
      segment_bytes: integer(65_536, 256 * MIB, MIB),
      hours_max: integer(0, 24 * 365, 24 * 30),
      sync: choice(["always", "second", "never"], "always"),
      retry_ms: integer(100, 600_000, 2000),
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
  ["host_id", "collector"],
);

/** Reads agent.yaml; throws a ConfigError that names every problem. */
export function loadAgentConfig(file: string): AgentConfig {
  return loadConfig<AgentConfig>(file, agentSchema);
}
