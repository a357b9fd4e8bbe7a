/**
 * What the ledger of a day takes: hosts that recorded events at a steady pace, in blocks of five with a ledger each minute, merged as they are
 * when a day is over, in the embedded database. Usage: node bench/ledger.ts [HOSTS [EVENTS_A_SECOND]]
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { historySource } from "@hosttrail/collector/archives";
import { compact } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { readAccounts } from "@hosttrail/collector/ledger";
import { Archive, dayRange } from "@hosttrail/collector/mongodb";
import { ScanPool, ScanReport, scanSource } from "@hosttrail/collector/scan";
import { reportEvent } from "@hosttrail/agent/report";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { mongodbService } from "@hosttrail/stack";
import { readTrail } from "./trails/trail.ts";

const [hostCount = 1, eventsASecond = 5] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const EVENTS_A_BLOCK = 5;
const SEGMENT_EVENTS = 16_384;
const MINUTES = 1440;
const PLACE = "20260131";
const { startNano } = dayRange(PLACE);
const START_MS = Number(startNano / 1_000_000n);
const EPOCH = BigInt(START_MS) << 16n;
const BUDGET = { timeMs: 600_000, bytes: 1e12, events: 1e12 };
const NAMES = ["records", "events", "own", "accepted", "spooled", "sent", "received", "stored"] as const;
const QUIET =
  "kernelLost serialGaps overruns unreadable unreadFiles repeated shed failed redacted found evicted quarantined";

const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const recorded = readTrail("web");

interface Made {
  host: { hostId: string; payloads: { id: string; bytes: Uint8Array; sieve: Uint8Array }[] };
  catalog: Parameters<Archive["history"]["replaceCatalog"]>[0];
  events: number;
}

/** The day of one host, as it is kept when it is over. */
function dayOf(hostId: string): Made {
  let [seq, previous] = [0n, new Uint8Array(0)];
  let waiting: { receivedMs: number; signer: string; status: string; bytes: Uint8Array }[] = [];
  let [count, told] = [0, 0n];
  const made: ReturnType<typeof compact> = [];
  const merge = (): void => {
    if (waiting.length > 0) made.push(...compact({ hostId, epoch: EPOCH, blocks: waiting, segments: [] }));
    [waiting, count] = [[], 0];
  };
  const add = (events: readonly Event[], timeMs: number): void => {
    const place = { hostId, epoch: EPOCH, firstSeq: seq, bootId: "", agentVersion: "0", flags: 0 };
    const sealed = sealBlock(events, { ...place, previousHeaderSha256: previous }, nodePrimitives, sign);
    [seq, previous] = [seq + BigInt(events.length), Uint8Array.from(sealed.headerSha256)];
    if (count + events.length > SEGMENT_EVENTS) merge();
    waiting.push({ receivedMs: timeMs, signer: "", status: "continues", bytes: sealed.bytes });
    count += events.length;
  };
  const blocksAMinute = Math.round((60 * eventsASecond) / EVENTS_A_BLOCK);
  for (let minute = 0, at = 0; minute < MINUTES; minute++) {
    const minuteMs = START_MS + minute * 60_000;
    for (let block = 0; block < blocksAMinute; block++) {
      const timeMs = minuteMs + Math.floor((block * 59_000) / blocksAMinute);
      const events = Array.from({ length: EVENTS_A_BLOCK }, () => recorded[at++ % recorded.length] as Event);
      add(
        events.map((event) => ({
          ...event,
          event: event.event && { ...event.event, timeUnixNano: BigInt(timeMs) * 1_000_000n },
        })),
        timeMs,
      );
    }
    const spooled = Number(seq - told);
    told = seq;
    const fields = {
      from_ms: minuteMs,
      to_ms: minuteMs + 60_000,
      ...Object.fromEntries(QUIET.split(" ").map((name) => [name, 0])),
      ...Object.fromEntries(NAMES.map((name) => [name, spooled])),
      own: 0,
      held: 0,
      pending: 0,
      inSpool: 0,
      epoch: EPOCH.toString(16),
      next_seq: seq,
      unbalanced: 0,
    };
    add(
      [reportEvent({ action: "reported-ledger", name: "LEDGER", outcome: "success", fields }, minuteMs + 59_500)],
      minuteMs,
    );
  }
  merge();
  const payloads = made.map(({ bytes, sieve }, at) => ({ id: `${hostId}-${at}`, bytes, sieve }));
  const entries = made.map(({ entry }, at) => ({ ...entry, id: `${hostId}-${at}` }));
  return { host: { hostId, payloads }, catalog: { hostId, place: PLACE, version: 1, entries }, events: Number(seq) };
}

const directory = mkdtempSync(join(tmpdir(), "hosttrail-ledger-"));
const database = await mongodbService({ directory, tools: TOOLS, say: (text) => process.stderr.write(`▸ ${text}\n`) });
await database.start();
const archive = Archive.open({ url: database.url, database: "ledger" });
// Before all threads are busy with making days.
await archive.ping();
const pool = new ScanPool(Math.max(1, availableParallelism() - 1));
try {
  const hosts = Array.from({ length: hostCount }, (_, number) => ({ number }));
  let [events, bytes, segments] = [0, 0, 0];
  const hostIds = new Set<string>();
  for (const { number } of hosts) {
    const hostId = number.toString(16).padStart(32, "0");
    const { host, catalog, events: made } = dayOf(hostId);
    for (let at = 0; at < host.payloads.length; at += 8)
      await archive.history.addPayloads(PLACE, host.payloads.slice(at, at + 8));
    await archive.history.replaceCatalog(catalog);
    events += made;
    segments += host.payloads.length;
    bytes += host.payloads.reduce((sum, payload) => sum + payload.bytes.length, 0);
    hostIds.add(hostId);
  }
  pool.start();
  const history = new History(historySource(archive), { payloadBytesKept: 64 * 1024 * 1024 });
  const past = {
    scans: scanSource(history, dayRange, pool),
    hosts: async (ids: readonly string[]) => ids.map((hostId) => ({ hostId, name: hostId, trail: [] })),
    dead: async () => new Map<string, never>(),
    dropped: async () => new Map<string, never>(),
  };
  process.stdout.write(
    `${hostCount} hosts, ${events} events of a day in ${segments} segments of ${(bytes / 1e6).toFixed(1)} MB\n`,
  );
  for (const time of ["first", "second"]) {
    const beginMs = performance.now();
    const report = new ScanReport();
    const query = {
      hostIds,
      startNano,
      endNano: startNano + 86_400_000_000_000n,
      nowNano: startNano + 86_400_000_000_000n,
    };
    const about = { ...query, isWhole: hostCount === 1, budget: BUDGET, signal: new AbortController().signal };
    const accounts = await readAccounts(past, about, report);
    const tookMs = performance.now() - beginMs;
    if (report.lacks.size > 0) throw new Error(`not all was read: ${[...report.lacks].join(", ")}`);
    const missing = accounts.filter(({ stretches }) => stretches.some(({ reasons }) => reasons.length > 0));
    const reports = accounts.reduce((sum, account) => sum + account.reports, 0);
    const steps = Array.from(report.steps, ([name, { micros }]) => `${name} ${Math.round(micros / 1000)}`).join(", ");
    process.stdout.write(
      `${time} time: ${Math.round(tookMs)} ms, ${reports} ledgers read, ${missing.length} hosts do not balance (ms by step: ${steps})\n`,
    );
  }
} finally {
  await pool.close();
  await archive.close();
  await database.child?.stop();
  rmSync(directory, { recursive: true, force: true });
}
