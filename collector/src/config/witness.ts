/** The witness's configuration file: its schema, its defaults and its type. */
import {
  absolutePath,
  ConfigError,
  type ConfigSchema,
  loadConfig,
  logLevel,
  mapOf,
  optionalPath,
} from "@hosttrail/lib/config";
import type { LogLevel } from "@hosttrail/lib/log";
import { parseVerifierKey, TlogError, type VerifierKey } from "@hosttrail/lib/tlog";

export interface WitnessConfig {
  name: string;
  keyFile: string;
  stateDirectory: string;
  listen: string;
  tls: { certificateFile: string; keyFile: string };
  logs: VerifierKey[];
  logLevel: LogLevel;
}

/** JSON Schema of witness.yaml. */
const witnessSchema: ConfigSchema = mapOf(
  {
    name: { type: "string", pattern: "^[^\\s+]{1,256}$", description: "Of its key, as witness.example.org." },
    key_file: absolutePath,
    state_directory: {
      ...absolutePath,
      description: "What it has cosigned. Where that is lost, the key must not be used again.",
    },
    listen: { type: "string", pattern: "^[^\\s]+:\\d{1,5}$", default: "127.0.0.1:7446" },
    tls: mapOf({ certificate_file: optionalPath, key_file: optionalPath }),
    logs: {
      type: "array",
      minItems: 1,
      maxItems: 1000,
      items: { type: "string", maxLength: 1000 },
      description: "Keys of the logs that it cosigns, each as hosttrail-collector log-key says it.",
    },
    log_level: logLevel,
  },
  ["name", "key_file", "state_directory", "logs"],
);

/** Reads witness.yaml; throws a ConfigError that names every problem. */
export function loadWitnessConfig(file: string): WitnessConfig {
  const config = loadConfig<Omit<WitnessConfig, "logs"> & { logs: string[] }>(file, witnessSchema);
  const problems: string[] = [];
  const { certificateFile, keyFile } = config.tls;
  if ((certificateFile === "") !== (keyFile === ""))
    problems.push(`${file}: tls needs certificate_file and key_file, or neither`);
  const logs = config.logs.flatMap((line, at) => {
    try {
      return [parseVerifierKey(line, ["ed25519"])];
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      problems.push(`${file}: logs[${String(at)}]: ${error.detail}`);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...config, logs };
}
