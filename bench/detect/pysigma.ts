/**
 * pySigma, the reference of Sigma in Python (LGPL): it has no engine of its own, so its SQLite backend writes each rule as a question to a
 * table of documents. It is asked where $PYSIGMA names a Python that has it: `python3 -m venv DIR && DIR/bin/pip install pysigma
 * pysigma-backend-sqlite`. Sources: https://github.com/SigmaHQ/pySigma, https://github.com/SigmaHQ/pySigma-backend-sqlite
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answers, Asked, Engine, Told } from "./engine.ts";

const SCRIPT = new URL("pysigma.py", import.meta.url).pathname;
const OUTPUT_BYTES_MAX = 2 ** 31 - 1;

/** The one that $PYSIGMA names. */
export function pySigma(asked: readonly Asked[]): Engine | undefined {
  const python = process.env["PYSIGMA"];
  return python === undefined || python === "" ? undefined : new PySigma(python, asked);
}

/** Asks all at once, since reading the rules takes longest. */
class PySigma implements Engine {
  readonly name = "pySigma";
  readonly #python: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "hosttrail-pysigma-"));

  constructor(python: string, asked: readonly Asked[]) {
    this.#python = python;
    const rules = asked.map(({ route, text }, number) => ({ number, route, text }));
    writeFileSync(join(this.#folder, "rules.json"), JSON.stringify(rules));
  }

  take(told: readonly Told[]): void {
    appendFileSync(join(this.#folder, "documents.ndjson"), told.map((each) => `${JSON.stringify(each)}\n`).join(""));
  }

  end(): Answers {
    const { status, stdout, stderr } = spawnSync(this.#python, [SCRIPT, this.#folder], {
      maxBuffer: OUTPUT_BYTES_MAX,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${this.#python}: ${stderr.slice(-2000)}`);
    const { engine, matches, left } = JSON.parse(stdout) as {
      engine: string;
      matches: Record<string, number[]>;
      left: Record<string, string>;
    };
    const found = Object.entries(matches).flatMap(([rule, events]) => events.map((event) => `${rule} ${event}`));
    const reasons = Object.entries(left).map(([rule, why]) => [Number(rule), why] as const);
    return { engine, found: new Set(found), left: new Map(reasons) };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
