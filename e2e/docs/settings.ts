/** Settings that documents show, as parts of a file: read by the program that the file is for, the rest of it being the example that comes with the package. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { loadProfile } from "../../cli/src/profile.ts";
import { checker, whyNoCheckers } from "../checkers.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

interface Reader {
  /** The whole file, of which the document shows a part. */
  example: () => string;
  /** A folder that has what the example names. */
  beside?: string;
  /** What is wrong with a file; empty where it is taken. */
  read: (path: string) => string;
}

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** What a program says where it ends with anything but 0. */
function saidBy(program: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  return status === 0 ? "" : `${stderr}${stdout}`.trim();
}

function byProgram(source: string, words: (path: string) => readonly string[]): Reader["read"] {
  return (path) => saidBy(process.execPath, [join(ROOT, source), ...words(path)]);
}

const check = (path: string): readonly string[] => ["--check-config", "--config", path];

/** By the name of the file. */
const READERS: Readonly<Record<string, Reader>> = {
  "collector.yaml": {
    example: () => textOf("packaging/collector/examples/collector.yaml"),
    read: byProgram("collector/src/main.ts", check),
  },
  "witness.yaml": {
    example: () => textOf("packaging/collector/examples/witness.yaml"),
    read: byProgram("collector/src/witnessmain.ts", check),
  },
  "agent.yaml": {
    example: () => textOf("packaging/agent/examples/agent.yaml"),
    read: byProgram("agent/src/main.ts", check),
  },
  "fleet.yaml": {
    example: () => textOf("integrations/examples/fleet.yaml"),
    beside: "integrations/examples",
    read: byProgram("cli/src/main.ts", (path) => ["fleet", "validate", "--spec", path]),
  },
  // Where promtool cannot be built, that it is YAML is all that can be said.
  "prometheus.yml": {
    example: () => "global: { scrape_interval: 15s }\n",
    read: (path) => (whyNoCheckers() === undefined ? saidBy(checker("promtool"), ["check", "config", path]) : ""),
  },
  "profile.yaml": {
    example: () =>
      "endpoint: collector.example.org:7444\nca_file: /etc/hosttrail/ca.crt\ntoken_file: /etc/hosttrail/token\n",
    read: (path) => {
      try {
        loadProfile(path);
        return "";
      } catch (error) {
        return String(error);
      }
    },
  },
};

type Settings = Record<string, unknown>;

function isMap(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Maps are put together; else the part takes the place of what was there. */
export function merged(base: unknown, part: unknown): unknown {
  if (!isMap(base) || !isMap(part)) return part;
  const keys = new Set([...Object.keys(base), ...Object.keys(part)]);
  return Object.fromEntries([...keys].map((key) => [key, key in part ? merged(base[key], part[key]) : base[key]]));
}

/** What the program says against its whole file, or a part of it below `key` ("notify.routes", or nothing); empty where it takes it. */
export function problemOfSettings(file: string, key: string, text: string, isWhole = false): string {
  const reader = READERS[file];
  if (reader === undefined) return `nothing reads ${file}; known are ${Object.keys(READERS).join(", ")}`;
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-settings-"));
  try {
    if (reader.beside !== undefined) cpSync(join(ROOT, reader.beside), folder, { recursive: true });
    const path = join(folder, file);
    const below = key === "" ? [] : key.split(".");
    const part: unknown = below.reduceRight((inner: unknown, name) => ({ [name]: inner }), parse(text) as unknown);
    writeFileSync(path, stringify(isWhole ? part : merged(parse(reader.example()), part)), { mode: 0o600 });
    return reader.read(path).replaceAll(`${folder}/`, "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
