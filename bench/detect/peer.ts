/**
 * rsigma, an engine of others in Rust (MIT): what it says of the same events, and what it takes. It is asked where $RSIGMA names its program;
 * `cargo install rsigma` makes one. Source: https://github.com/timescale/rsigma
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document } from "./documents.ts";

const OUTPUT_BYTES_MAX = 2 ** 31 - 1;

export interface PeerRun {
  /** Numbers of the documents that each rule matched, by the rule's title. */
  matches: Map<string, Set<number>>;
  /** Of the program, user and system. */
  cpuSeconds: number;
}

/** Path of the program, or undefined where there is none. */
export function peerProgram(): string | undefined {
  return process.env["RSIGMA"] || undefined;
}

/** Holds rules against documents; `tell` false leaves out what matched, which is quicker. */
export function askPeer(
  program: string,
  rules: readonly { text: string }[],
  documents: readonly Document[],
  tell: boolean,
): PeerRun {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-peer-"));
  try {
    const rulesFolder = join(folder, "rules");
    spawnSync("mkdir", [rulesFolder]);
    for (const [at, { text }] of rules.entries()) writeFileSync(join(rulesFolder, `${at}.yml`), text);
    const events = join(folder, "events.ndjson");
    writeFileSync(
      events,
      documents.map((document, at) => JSON.stringify({ ...document, hosttrailNumber: `n${at}n` })).join("\n"),
    );
    const options = ["engine", "eval", "-r", rulesFolder, "-e", `@${events}`, "-q", "--output-format", "ndjson"];
    const result = spawnSync(
      "/usr/bin/env",
      ["bash", "-c", 'TIMEFORMAT="%U %S"; time "$0" "$@"', program, ...options, ...(tell ? ["--include-event"] : [])],
      {
        maxBuffer: OUTPUT_BYTES_MAX,
        encoding: "utf8",
      },
    );
    if (result.status !== 0) throw new Error(`${program}: ${result.stderr.slice(0, 2000)}`);
    const [user = 0, system = 0] = (result.stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
    return { matches: tell ? readMatches(result.stdout) : new Map(), cpuSeconds: user + system };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readMatches(output: string): Map<string, Set<number>> {
  const matches = new Map<string, Set<number>>();
  for (const line of output.split("\n")) {
    if (line === "") continue;
    const match = JSON.parse(line) as { rule_title?: string; event?: { hosttrailNumber?: string } };
    const number = Number(/^n(\d+)n$/.exec(match.event?.hosttrailNumber ?? "")?.[1]);
    const title = match.rule_title ?? "";
    if (Number.isNaN(number)) throw new Error(`a match without its document: ${line.slice(0, 500)}`);
    const known = matches.get(title);
    if (known === undefined) matches.set(title, new Set([number]));
    else known.add(number);
  }
  return matches;
}
