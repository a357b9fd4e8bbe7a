/**
 * Records this kernel's audit events while a command runs, in the format of audit.log. Needs root.
 *
 * Usage: node bench/record.ts RULES OUT.log.gz [--without TEXT]... -- COMMAND [ARGUMENT]...
 *
 * Events in which TEXT occurs (plain or in hex) are left out, to keep what is private to a machine from a capture.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { KernelAudit } from "@hosttrail/agent/kernel";
import { type RawRecord, textOf } from "@hosttrail/agent/model";
import { KernelHold, readRules } from "@hosttrail/agent/rules";
import { formatLogLine, openSource } from "@hosttrail/agent/source";

const MIB = 1024 * 1024;

const [rulesFile, output, ...rest] = process.argv.slice(2);
const dashes = rest.indexOf("--");
if (rulesFile === undefined || output === undefined || dashes < 0) {
  throw new Error("usage: node bench/record.ts RULES OUT.log.gz [--without TEXT]... -- COMMAND [ARGUMENT]...");
}
const without = rest.slice(0, dashes).filter((word) => word !== "--without");
const [command = "", ...words] = rest.slice(dashes + 1);

const records: RawRecord[] = [];
const state = mkdtempSync(join(tmpdir(), "hosttrail-record-"));
const hold = new KernelHold(new KernelAudit(), state);
const options = {
  mode: "auto",
  path: "",
  receiveBufferBytes: 64 * MIB,
  ringBytes: 256 * MIB,
  ringPath: "",
  bootId: "",
} as const;
const source = openSource(options, (record) => records.push(record));
try {
  hold.applySettings({ enabled: 1, backlogLimit: 65_536, backlogWaitTime: 0 });
  const { rules, errors } = readRules({ files: [rulesFile], directory: "", ownPid: process.pid });
  for (const { file, line, reason } of errors) throw new Error(`${file}:${line}: ${reason}`);
  hold.applyRules(rules);
  const { status } = spawnSync(command, words, { stdio: ["ignore", "ignore", "inherit"] });
  process.stdout.write(`${command} ended with ${status}\n`);
} finally {
  hold.release();
  await sleep(500);
  await source.close(true);
  rmSync(state, { recursive: true });
}

const hex = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();
const isPrivate = (record: RawRecord): boolean => {
  const text = textOf(record);
  return without.some((word) => text.includes(word) || text.includes(hex(word)));
};
const serials = new Set(records.filter(isPrivate).map((record) => record.serial));
const kept = records.filter((record) => !serials.has(record.serial));
const lines = kept.map((record) => `${formatLogLine(record)}\n`);
writeFileSync(output, gzipSync(Buffer.from(lines.join(""), "latin1"), { level: 9 }));
process.stdout.write(`${kept.length} records of ${new Set(kept.map((record) => record.serial)).size} events\n`);
