/** `hosttrail-agent redact --test`: shows what redaction leaves of a command line, before a fleet relies on it. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import type { AgentConfig } from "../config/index.ts";
import { Redactor } from "../redact/index.ts";

/** Reads lines from standard input; each is a command line. Hashes are of a key of this run alone. */
export async function redactTest(config: AgentConfig): Promise<void> {
  const redactor = new Redactor({ ...config.redact, key: randomBytes(32) });
  for await (const line of createInterface({ input: process.stdin })) {
    const before = redactor.count;
    const left = redactor.command(line);
    process.stdout.write(`${redactor.count - before} ${left}\n`);
  }
}
