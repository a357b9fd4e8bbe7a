/**
 * Records a trail: what this kernel and our agent make of a command, enriched and all. Needs root, and a machine on which nothing else happens.
 *
 * Usage: node bench/trails/record.ts NAME COMMAND [ARGUMENT]...
 *
 * Writes bench/trails/NAME.zst. What tells of this machine itself (its names, addresses and ids) is replaced.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { agent } from "../agent/readers.ts";
import { writeTrail } from "./trail.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

const [name, command, ...words] = process.argv.slice(2);
if (name === undefined || command === undefined) throw new Error("usage: record.ts NAME COMMAND [ARGUMENT]...");

/** Without what only this machine has. */
function plain(event: Event): Event {
  const { host } = event;
  if (host === undefined) return event;
  const own = {
    id: "0".repeat(32),
    name: "host",
    machineId: "0".repeat(32),
    ip: ["192.0.2.1"],
    bootId: "",
    labels: [],
  };
  return { ...event, host: { ...host, ...own, kernel: "6.1.0-1-amd64" } };
}

const folder = mkdtempSync(join(tmpdir(), "trail-"));
const blocks = join(folder, "blocks");
const rules = join(folder, "rules");
const binary = join(folder, "agent");
mkdirSync(blocks);
mkdirSync(rules);
writeFileSync(binary, `#!/bin/sh\nexec ${process.execPath} ${ROOT}agent/src/main.ts "$@"\n`, { mode: 0o755 });
writeFileSync(join(rules, "record.rules"), readFileSync(join(ROOT, "stack/rules/development.rules")), { mode: 0o600 });
const audit = { rules_directory: rules, backlog_limit: 65_536, enable: true, on_stop: "release" };
const reader = await agent(folder, binary, { audit }, blocks);
try {
  await reader.start();
  const { status } = spawnSync(command, words, { stdio: ["ignore", "ignore", "ignore"] });
  process.stdout.write(`${command} ended with ${status}\n`);
  await sleep(3000);
} finally {
  await reader.stop();
}
const events: Event[] = [];
for (const file of readdirSync(blocks).sort()) {
  if (!file.endsWith(".block")) continue;
  events.push(
    ...openBlock(parseBlock(readFileSync(join(blocks, file))), nodePrimitives)
      .events()
      .map(plain),
  );
}
// In their own processes' terms, and not in those of this recorder.
const kept = events.filter((event) => !JSON.stringify(event.process?.args ?? []).includes(folder));
writeTrail(name, kept);
rmSync(folder, { recursive: true });
process.stdout.write(`${kept.length} events\n`);
