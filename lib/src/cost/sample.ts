/**
 * What a host was seen to make while its events were counted and not kept: a file of counts. It has names of audit keys and executables, and
 * nothing of arguments, users, addresses or files.
 */
import { ConfigError, type ConfigSchema, loadConfig, mapOf } from "../config/index.ts";

/** Bounds of a sample; what passes them is counted under `OTHERS`. */
export const SAMPLE_BOUNDS = {
  /** A day. */
  minutes: 1440,
  keys: 64,
  programs: 50,
  /** Characters of a name. */
  name: 256,
  /** Sizes at which merged events are weighed. */
  weights: 16,
} as const;

/** The key of events that no rule has a key for. */
export const NO_KEY = "(none)";
/** The key of what the agent itself tells: its ledger, minute by minute. */
export const AGENT_KEY = "(agent)";
/** What is beyond the bounds. */
export const OTHERS = "(others)";

/**
 * Where the rules came from. `loaded`: they were put into the kernel for the time of the sample. `found`: whatever rules were there. `recorded`:
 * a log, of which nobody knows the rules.
 */
const RULE_ORIGINS = ["loaded", "found", "recorded"] as const;
type RuleOrigin = (typeof RULE_ORIGINS)[number];

/** Events of one key within one minute. */
interface KeyMinute {
  /** Its place in `CostSample.keys`. */
  key: number;
  events: number;
  /** Its share of `wireBytes`, by the length of its records. */
  bytes: number;
}

export interface SampleMinute {
  /** Milliseconds since 1970, a multiple of 60,000. */
  startMs: number;
  /** Of the minute, how long was looked at: more than 0, at most 60. */
  seconds: number;
  events: number;
  blocks: number;
  /** Of the frames between agent and collector, without TLS, HTTP/2 and TCP. */
  wireBytes: number;
  /** Milliseconds of the sampler's processor time, without what only a sampler does. */
  cpuMs: number;
  keys: KeyMinute[];
}

export interface SampledProgram {
  executable: string;
  /** The key of most of its events. */
  key: string;
  events: number;
  /** As `KeyMinute.bytes`. */
  bytes: number;
}

/** Bytes of so many events in a segment: as the collector merges them. */
export interface Weight {
  events: number;
  blocks: number;
  bytes: number;
}

export interface CostSample {
  version: 1;
  host: string;
  agentVersion: string;
  /** As the agent names its sources. */
  source: string;
  rules: RuleOrigin;
  /** Keys of the rules that the kernel had; empty for a log. */
  ruleKeys: string[];
  /** Events that were there and could not be counted: lost by the kernel or before the reader, and records that could not be read. */
  lost: { kernel: number; gaps: number; unreadable: number };
  /** Names of keys, in the order in which they came. */
  keys: string[];
  minutes: SampleMinute[];
  /** Those with most events, the first with most. */
  programs: SampledProgram[];
  /** Ascending. */
  weights: Weight[];
  /** Most resident bytes of the sampler. */
  memoryBytes: number;
}

const count = { type: "number", minimum: 0, maximum: 1e15 };
const name = { type: "string", maxLength: SAMPLE_BOUNDS.name };
const all = (properties: Record<string, object>): object => mapOf(properties, Object.keys(properties));
const listOf = (items: object, maxItems: number): object => ({ type: "array", maxItems, items });

/** JSON Schema of a sample; its keys are those of the file. */
const sampleSchema: ConfigSchema = all({
  version: { type: "integer", enum: [1] },
  host: name,
  agent_version: name,
  source: name,
  rules: { type: "string", enum: [...RULE_ORIGINS] },
  rule_keys: listOf(name, SAMPLE_BOUNDS.keys),
  lost: all({ kernel: count, gaps: count, unreadable: count }),
  keys: listOf(name, SAMPLE_BOUNDS.keys + 1),
  minutes: {
    ...listOf(
      all({
        start_ms: { ...count, multipleOf: 60_000 },
        seconds: { type: "number", exclusiveMinimum: 0, maximum: 60 },
        events: count,
        blocks: count,
        wire_bytes: count,
        cpu_ms: count,
        keys: listOf(
          all({ key: { type: "integer", minimum: 0, maximum: SAMPLE_BOUNDS.keys }, events: count, bytes: count }),
          SAMPLE_BOUNDS.keys + 1,
        ),
      }),
      SAMPLE_BOUNDS.minutes,
    ),
    minItems: 1,
  },
  programs: listOf(all({ executable: name, key: name, events: count, bytes: count }), SAMPLE_BOUNDS.programs),
  weights: listOf(all({ events: { ...count, minimum: 1 }, blocks: count, bytes: count }), SAMPLE_BOUNDS.weights),
  memory_bytes: count,
}) as ConfigSchema;

/** Reads a sample's file; throws a ConfigError that names file, place and what is allowed. */
export function readSample(path: string): CostSample {
  const sample = loadConfig<CostSample>(path, sampleSchema);
  for (const [at, minute] of sample.minutes.entries())
    for (const { key } of minute.keys)
      if (key >= sample.keys.length)
        throw new ConfigError([
          `${path}: minutes.${at} names key ${key}; allowed are 0 to ${sample.keys.length - 1}, places in keys`,
        ]);
  return sample;
}

/** The file of a sample. */
export function sampleText(sample: CostSample): string {
  return `${JSON.stringify(snakeCase(sample))}\n`;
}

function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCase(inner),
    ]),
  );
}
