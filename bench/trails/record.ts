/**
 * Records a trail: what this kernel and our agent make of a command, enriched and all. Needs root, and a machine on which nothing else happens.
 *
 * Usage: node bench/trails/record.ts NAME SCRIPT [ARGUMENT]...
 *
 * Writes bench/trails/NAME.zst. What tells of this machine itself (its names, addresses and ids) is replaced.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Event, Host, Process } from "@hosttrail/proto/event";
import { agent } from "../agent/readers.ts";
import { writeTrail } from "./trail.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

const [name, command, ...words] = process.argv.slice(2);
if (name === undefined || command === undefined) throw new Error("usage: record.ts NAME SCRIPT [ARGUMENT]...");

/** Without what only this machine has. */
function plain(host: Host): Host {
  const own = {
    id: "0".repeat(32),
    name: "host",
    machineId: "0".repeat(32),
    ip: ["192.0.2.1"],
    bootId: "",
    labels: [],
  };
  return { ...host, ...own, kernel: "6.1.0-1-amd64" };
}

/** A process as it would be if the command had no parent; undefined for one that is none of the command's. */
function ofCommand(process: Process, root: number): Process | undefined {
  if (process.pid === root) return { ...process, parent: undefined, ancestry: [], ancestryCount: 0 };
  const at = process.ancestry.findIndex(({ pid }) => pid === root);
  if (at < 0) return undefined;
  return { ...process, ancestry: process.ancestry.slice(0, at + 1), ancestryCount: at + 1 };
}

/** The events of a command, without whatever else happened. */
function eventsOf(events: readonly Event[], root: number): Event[] {
  return events.flatMap((event) => {
    const process = event.process && ofCommand(event.process, root);
    return process === undefined ? [] : [{ ...event, process, host: event.host && plain(event.host) }];
  });
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
let root = 0;
const reader = await agent(folder, binary, { audit }, blocks);
try {
  await reader.start();
  const env = { PATH: "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" };
  const script = join(folder, basename(command));
  copyFileSync(command, script);
  chmodSync(script, 0o755);
  const child = spawn(script, words, { stdio: "ignore", cwd: "/", env, detached: true });
  root = child.pid ?? 0;
  const [status] = (await once(child, "exit")) as [number];
  process.stdout.write(`${command} ended with ${status}\n`);
  await sleep(3000);
} finally {
  await reader.stop();
}
const events: Event[] = [];
for (const file of readdirSync(blocks).sort()) {
  if (!file.endsWith(".block")) continue;
  events.push(...openBlock(parseBlock(readFileSync(join(blocks, file))), nodePrimitives).events());
}
const kept = eventsOf(events, root);
writeTrail(name, kept);
rmSync(folder, { recursive: true });
process.stdout.write(`${kept.length} events\n`);
