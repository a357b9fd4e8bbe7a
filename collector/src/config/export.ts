/** The section `export` of collector.yaml. */
import { ConfigError, type ConfigSchema, integer, MIB, mapOf, optionalPath } from "@hosttrail/lib/config";
import { compileFilter, FilterError } from "@hosttrail/lib/predicate";

type TargetKind = "files" | "s3" | "otlp" | "syslog";
type Format = "parquet" | "json" | "ecs" | "ocsf" | "csv" | "cef";

/** Times in milliseconds unless named otherwise. */
export interface ExportConfig {
  leaseMs: number;
  targets: ExportTargetConfig[];
}

export interface ExportTargetConfig {
  name: string;
  target: TargetKind;
  what: "events" | "alerts" | "both";
  filter: string;
  begin: "now" | "stored";
  everySeconds: number;
  eventsMax: number;
  /** Empty for the usual one of the target. */
  format: Format | "";
  fields: string[];
  compression: "none" | "gzip" | "zstd";
  partBytesMax: number;
  directory: string;
  bucket: string;
  prefix: string;
  region: string;
  endpoint: string;
  pathStyle: boolean;
  url: string;
  headersFile: string;
  address: string;
  caFile: string;
  timeoutMs: number;
}

const text = (pattern: string): Record<string, unknown> => ({
  type: "string",
  pattern: `^(?:${pattern})?$`,
  default: "",
});

const target = mapOf(
  {
    name: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
    target: { type: "string", enum: ["files", "s3", "otlp", "syslog"] },
    what: { type: "string", enum: ["events", "alerts", "both"], default: "events" },
    filter: {
      type: "string",
      default: "",
      description: "Of events, as in a search (docs/filter.md). Empty: all of them.",
    },
    begin: {
      type: "string",
      enum: ["now", "stored"],
      default: "now",
      description: "now: what comes from the first start on. stored: also all that is kept.",
    },
    every_seconds: { ...integer(1, 86_400, 60), description: "What has come since goes out together." },
    events_max: {
      ...integer(100, 1_000_000, 100_000),
      description: "Of one batch, which is sent again as a whole after a failure.",
    },
    format: { type: "string", enum: ["", "parquet", "json", "ecs", "ocsf", "csv", "cef"], default: "" },
    fields: {
      type: "array",
      items: { type: "string", minLength: 1, maxLength: 256 },
      maxItems: 100,
      default: [],
      description: "Columns of Parquet and CSV, by the names of docs/filter.md. None: the usual ones.",
    },
    compression: { type: "string", enum: ["none", "gzip", "zstd"], default: "zstd", description: "Of files of text." },
    part_bytes_max: {
      ...integer(MIB, 512 * MIB, 32 * MIB),
      description: "Of a file, before it is compressed. So much is held in memory.",
    },
    directory: optionalPath,
    bucket: text("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    prefix: text("[A-Za-z0-9!_.*'()-]+(?:/[A-Za-z0-9!_.*'()-]+)*"),
    region: text("[a-z0-9-]{1,63}"),
    endpoint: text("https?://[^\\s/@]+/?"),
    path_style: {
      type: "boolean",
      default: false,
      description: "The bucket's name is a part of the path, as MinIO has it.",
    },
    url: text("https?://[^\\s@]+"),
    headers_file: {
      ...optionalPath,
      description: "Headers of each request, `Name: value` a line; read anew for each batch.",
    },
    address: text("(?:tls|tcp)://(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+):\\d{1,5}"),
    ca_file: optionalPath,
    timeout_ms: integer(100, 300_000, 30_000),
  },
  ["name", "target"],
);

export const exportSchema: ConfigSchema = mapOf({
  lease_ms: {
    ...integer(500, 120_000, 15_000),
    description: "When the process that exports to a target dies, another one takes over after this time.",
  },
  targets: {
    type: "array",
    maxItems: 32,
    items: target,
    default: [],
    description: "Where stored events and alerts go; see docs/export.md.",
  },
});

type Key = "directory" | "bucket" | "prefix" | "region" | "endpoint" | "url" | "headersFile" | "address" | "caFile";

/** Keys that a target needs, those that it has a use for beside them, and its formats: the usual one first. */
const KINDS: Readonly<Record<TargetKind, { needs: Key; takes: readonly Key[]; formats: readonly Format[] }>> = {
  files: { needs: "directory", takes: [], formats: ["parquet", "json", "ecs", "ocsf", "csv", "cef"] },
  s3: {
    needs: "bucket",
    takes: ["prefix", "region", "endpoint"],
    formats: ["parquet", "json", "ecs", "ocsf", "csv", "cef"],
  },
  otlp: { needs: "url", takes: ["headersFile", "caFile"], formats: ["ecs", "json", "ocsf"] },
  syslog: { needs: "address", takes: ["caFile"], formats: ["cef"] },
};
const KEYS: readonly Key[] = [
  "directory",
  "bucket",
  "prefix",
  "region",
  "endpoint",
  "url",
  "headersFile",
  "address",
  "caFile",
];
const TABLES: readonly Format[] = ["parquet", "csv"];

/** The format of a target's events. */
export function exportFormatOf({ target: kind, format }: Pick<ExportTargetConfig, "target" | "format">): Format {
  return format === "" ? (KINDS[kind].formats[0] as Format) : format;
}

/** What the schema cannot say. Throws a ConfigError that names every problem. */
export function checkExport(file: string, { targets }: ExportConfig): void {
  const names = targets.map(({ name }) => name);
  const problems = [
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `export.targets has two named "${name}"`),
    ...targets.flatMap((each) => problemsOf(each).map((problem) => `export target "${each.name}": ${problem}`)),
  ];
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
}

function problemsOf(config: ExportTargetConfig): string[] {
  const { target: kind, what, filter, fields, address, pathStyle } = config;
  const { needs, takes, formats } = KINDS[kind];
  const format = exportFormatOf(config);
  const problems: string[] = [];
  if (config[needs] === "") problems.push(`${kind} needs ${snake(needs)}`);
  for (const key of KEYS)
    if (config[key] !== "" && key !== needs && !takes.includes(key))
      problems.push(`${kind} has no use for ${snake(key)}`);
  if (pathStyle && kind !== "s3") problems.push(`${kind} has no use for path_style`);
  if (!formats.includes(format)) problems.push(`format is "${format}"; ${kind} takes ${formats.join(", ")}`);
  if (fields.length > 0 && !TABLES.includes(format))
    problems.push(`fields are for ${TABLES.join(" and ")}; ${format} has all of an event`);
  if (filter !== "" && what === "alerts") problems.push("filter is for events; what is alerts");
  if (Number(/:(\d+)$/.exec(address)?.[1] ?? 1) > 65_535) problems.push(`address has no such port: ${address}`);
  try {
    compileFilter(filter);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    problems.push(error.message);
  }
  return problems;
}

function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
