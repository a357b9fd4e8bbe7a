/** What people use without Hosttrail, over the same events: ausearch on auditd's log of one host, and grep on compressed JSON lines. */
import { spawnSync } from "node:child_process";
import { createWriteStream, statSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { recordText } from "@hosttrail/lib/audit";
import { Event } from "@hosttrail/proto/event";
import { type Clients, search } from "./ask.ts";

/** All events of a host in a file. */
export interface PeerFile {
  path: string;
  events: number;
}

/** As auditd writes them. */
export async function writeLog(clients: Clients, hostId: string, folder: string): Promise<PeerFile> {
  return await write(clients, hostId, join(folder, "audit.log"), logLines);
}

/** As compressed JSON lines. */
export async function writeLines(clients: Clients, hostId: string, folder: string): Promise<PeerFile> {
  const path = join(folder, "events.jsonl");
  const { events } = await write(clients, hostId, path, (event) => `${JSON.stringify(Event.toJSON(event))}\n`);
  run("zstd", ["-q", "--rm", path]);
  return { path: `${path}.zst`, events };
}

async function write(
  clients: Clients,
  hostId: string,
  path: string,
  textOf: (event: Event) => string,
): Promise<PeerFile> {
  const file = { path, events: 0 };
  const stream = createWriteStream(path);
  await search(clients, { hostId, orderBy: "time" }, (events) => {
    file.events += events.length;
    stream.write(events.map(textOf).join(""));
  });
  stream.end();
  await once(stream, "finish");
  return file;
}

function logLines(event: Event): string {
  const ms = (event.event?.timeUnixNano ?? 0n) / 1_000_000n;
  const stamp = `audit(${ms / 1000n}.${String(ms % 1000n).padStart(3, "0")}:${event.audit?.serial ?? 0})`;
  const records = event.audit?.records ?? [];
  return records.map(({ typeName }, at) => `type=${typeName} msg=${stamp}: ${recordText(event, at)}\n`).join("");
}

/** Seconds, and how much came out; undefined where there is no such program. `words` say what is looked for. */
export function askAusearch(
  { path }: PeerFile,
  words: readonly string[],
): { seconds: number; found: number } | undefined {
  const start = performance.now();
  const out = run("ausearch", ["-if", path, ...words, "--format", "csv"]);
  return out === undefined
    ? undefined
    : { seconds: (performance.now() - start) / 1000, found: Math.max(0, out.split("\n").length - 2) };
}

export function askGrep(
  { path }: PeerFile,
  word: string,
): { seconds: number; bytes: number; found: number } | undefined {
  const start = performance.now();
  const out = run("sh", ["-c", 'zstdcat "$0" | grep -c -F -- "$1" || true', path, word]);
  if (out === undefined) return undefined;
  return { seconds: (performance.now() - start) / 1000, bytes: statSync(path).size, found: Number(out) };
}

function run(program: string, words: readonly string[]): string | undefined {
  const { error, stdout } = spawnSync(program, words, { encoding: "utf8", maxBuffer: 2 ** 30 });
  if (error !== undefined && "code" in error && error.code === "ENOENT") return undefined;
  if (error !== undefined) throw error;
  return stdout;
}
