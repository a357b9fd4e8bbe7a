/**
 * rsigma, an engine of others in Rust (MIT): what it says of the same events, and what it takes. It is asked where $RSIGMA names its program;
 * `cargo install rsigma` makes one. Source: https://github.com/timescale/rsigma
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document } from "./documents.ts";
import type { Answers, Asked, Engine, Told } from "./engine.ts";

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

/** The one that $RSIGMA names. */
export function rsigma(asked: readonly Asked[]): Engine | undefined {
  const program = peerProgram();
  return program === undefined ? undefined : new Rsigma(program, asked);
}

class Rsigma implements Engine {
  readonly name = "rsigma";
  readonly #program: string;
  readonly #asked: readonly Asked[];
  readonly #found = new Set<string>();

  constructor(program: string, asked: readonly Asked[]) {
    this.#program = program;
    this.#asked = asked;
  }

  take(told: readonly Told[]): void {
    for (const [route, own] of Map.groupBy(told, (each) => each.route)) {
      const rules = this.#asked.filter((each) => each.route === route);
      if (rules.length === 0) continue;
      const documents = own.map(({ document }) => document);
      for (const [title, numbers] of askPeer(this.#program, rules, documents, true).matches)
        for (const number of numbers) this.#found.add(`${title.slice(1)} ${own[number]?.event}`);
    }
  }

  end(): Answers {
    const { stdout } = spawnSync(this.#program, ["--version"], { encoding: "utf8" });
    const [engine = this.name] = stdout.split("\n");
    return { engine, found: this.#found, left: new Map() };
  }

  close(): void {
    this.#found.clear();
  }
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
