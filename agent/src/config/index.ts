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
import type { SourceMode } from "../source/index.ts";
import type { SyncPolicy } from "../spool/index.ts";

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
  source: { mode: SourceMode; path: string; receiveBufferBytes: number; ringBytes: number };
  audit: { enable: boolean; backlogLimit: number; rulesFiles: string[]; onStop: "keep" | "release" };
  reassemble: { timeoutMs: number; bytesMax: number };
  block: { lingerMs: number };
  spool: { bytesMax: number; segmentBytes: number; sync: SyncPolicy };
  shutdownDeadlineMs: number;
}

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
      enable: { type: "boolean", default: true },
      backlog_limit: integer(64, 1_048_576, 8192),
      rules_files: { type: "array", default: [], maxItems: 64, items: absolutePath },
      on_stop: choice(["keep", "release"], "keep"),
    }),
    reassemble: mapOf({ timeout_ms: integer(100, 60_000, 2000), bytes_max: integer(MIB, 1024 * MIB, 16 * MIB) }),
    block: mapOf({ linger_ms: integer(10, 60_000, 1000) }),
    spool: mapOf({
      bytes_max: integer(4 * MIB, 1024 * 1024 * MIB, 512 * MIB),
      segment_bytes: integer(65_536, 256 * MIB, MIB),
      sync: choice(["always", "never"], "always"),
    }),
    shutdown_deadline_ms: integer(100, 60_000, 5000),
  },
  ["host_id", "collector"],
);

/** Reads agent.yaml; throws a ConfigError that names every problem. */
export function loadAgentConfig(file: string): AgentConfig {
  return loadConfig<AgentConfig>(file, agentSchema);
}
