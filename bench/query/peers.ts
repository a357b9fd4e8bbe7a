/** What people use without Hosttrail, over the same events: ausearch on auditd's log of one host, and grep on compressed JSON lines. */
import { spawnSync } from "node:child_process";
import { createWriteStream, statSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { recordText } from "@hosttrail/lib/audit";
import { Event } from "@hosttrail/proto/event";
import { type Clients, search } from "./ask.ts";

export interface PeerFiles {
  log: string;
  lines: string;
  events: number;
}

/** Writes all events of a host as auditd does, and as compressed JSON lines. */
export async function writePeerFiles(clients: Clients, hostId: string, folder: string): Promise<PeerFiles> {
  const files = { log: join(folder, "audit.log"), lines: join(folder, "events.jsonl"), events: 0 };
  const [log, lines] = [createWriteStream(files.log), createWriteStream(files.lines)];
  await search(clients, { hostId, orderBy: "time" }, (events) => {
    files.events += events.length;
    log.write(events.map(logLines).join(""));
    lines.write(events.map((event) => `${JSON.stringify(Event.toJSON(event))}\n`).join(""));
  });
  for (const stream of [log, lines]) {
    stream.end();
    await once(stream, "finish");
  }
  run("zstd", ["-q", "--rm", files.lines]);
  return { ...files, lines: `${files.lines}.zst` };
}

function logLines(event: Event): string {
  const ms = (event.event?.timeUnixNano ?? 0n) / 1_000_000n;
  const stamp = `audit(${ms / 1000n}.${String(ms % 1000n).padStart(3, "0")}:${event.audit?.serial ?? 0})`;
  const records = event.audit?.records ?? [];
  return records.map(({ typeName }, at) => `type=${typeName} msg=${stamp}: ${recordText(event, at)}\n`).join("");
}

/** Seconds, and how much came out; undefined where there is no such program. */
export function askAusearch({ log }: PeerFiles, executable: string): { seconds: number; found: number } | undefined {
  const start = performance.now();
  const out = run("ausearch", ["-if", log, "-x", executable, "--format", "csv"]);
  return out === undefined
    ? undefined
    : { seconds: (performance.now() - start) / 1000, found: out.split("\n").length - 2 };
}

export function askGrep(
  { lines }: PeerFiles,
  word: string,
): { seconds: number; bytes: number; found: number } | undefined {
  const start = performance.now();
  const out = run("sh", ["-c", 'zstdcat "$0" | grep -c -F -- "$1" || true', lines, word]);
  if (out === undefined) return undefined;
  return { seconds: (performance.now() - start) / 1000, bytes: statSync(lines).size, found: Number(out) };
}

function run(program: string, words: readonly string[]): string | undefined {
  const { error, stdout } = spawnSync(program, words, { encoding: "utf8", maxBuffer: 2 ** 30 });
  if (error !== undefined && "code" in error && error.code === "ENOENT") return undefined;
  if (error !== undefined) throw error;
  return stdout;
}
