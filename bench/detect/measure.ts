/**
 * What a rule set takes for blocks, in a process that has done nothing else, as a collector's: what ran before makes the same code run
 * faster or slower. A collector's has run for days, so rounds go on until the code is compiled as well as it will be, and others have left
 * the cores alone for a round. Rules and blocks come by standard input (v8.serialize), the result goes to standard output.
 */
import { spawnSync } from "node:child_process";
import { buffer } from "node:stream/consumers";
import { deserialize, serialize } from "node:v8";
import { ColumnBlock } from "@hosttrail/lib/block";
import { RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import type { MadeRule } from "./rules.ts";

const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

interface Task {
  rules: readonly MadeRule[];
  blocks: readonly Uint8Array[];
  /** How long rounds go on. */
  seconds: number;
}

export interface Measured {
  /** Matches. */
  found: number;
  /** CPU seconds of the best round, user and system. */
  seconds: number;
}

export function measureApart(task: Task): Measured {
  const { stdout, stderr, status } = spawnSync(process.execPath, [import.meta.filename], { input: serialize(task) });
  if (status !== 0) throw new Error(stderr.toString().slice(0, 2000));
  return JSON.parse(stdout.toString()) as Measured;
}

function measure({ rules, blocks, seconds }: Task): Measured {
  const read = readRules(rules.map(({ title, text }) => ({ path: title, text }))).rules;
  const set = new RuleSet(read.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));
  const measured: Measured = { found: 0, seconds: Number.POSITIVE_INFINITY };
  const endMs = performance.now() + seconds * 1000;
  do {
    const before = process.cpuUsage();
    measured.found = blocks.reduce((sum, block) => sum + set.match(new ColumnBlock(block, PLACE)).length, 0);
    const { user, system } = process.cpuUsage(before);
    measured.seconds = Math.min(measured.seconds, (user + system) / 1e6);
  } while (performance.now() < endMs);
  return measured;
}

if (import.meta.main) process.stdout.write(JSON.stringify(measure(deserialize(await buffer(process.stdin)) as Task)));
