/** What a run came to: each event that was made is stored once and compacted, chains hold, and alerts are those of a run without faults. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Archive } from "@hosttrail/collector/mongodb";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { DetectorState } from "@hosttrail/proto/detection";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { eventually, openStack, searchAll } from "../environment.ts";
import { detectionSettled, openBlockStream, PublishingHost } from "../publisher.ts";
import { eventOf, RULES } from "./work.ts";

const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const BLOCK_EVENTS = 5;
const HOSTS_MAX = 10_000;

/** What an alert says that must not depend on who was killed. */
interface Told {
  title: string;
  count: bigint;
  first: string;
  last: string;
  value: number;
  events: string[];
}

/** The rules of the run, and no others. */
export async function putRules(archive: Archive): Promise<void> {
  const about = { description: "", enabled: true, labels: {}, tags: {}, updateMs: 0, updater: "" };
  await archive.rulesets.putRuleset({ name: "words", files: [{ path: "words.yml", text: RULES }], ...about });
  await archive.rulesets.putManaged({ name: "baseline", ...about, enabled: false });
}

/** Alerts by id; those that were taken back are none. */
export async function alertsOf(archive: Archive): Promise<Map<string, Told>> {
  const query = { startMs: 0, endMs: 8e15, severityMin: 0, ruleKey: "", ruleset: "words", hostId: "", limit: 100_000 };
  const alerts = await archive.alerts.listAlerts({ ...query, afterId: "" });
  const withdrawn = new Set<string>();
  for (let at = 0; at < alerts.length; at += 100)
    for (const work of await archive.alertWork.getWorks(alerts.slice(at, at + 100).map(({ id }) => id)))
      if (work.closeReason === "withdrawn") withdrawn.add(work.alertId);
  const shown = (time: unknown): string =>
    JSON.stringify(time, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));
  return new Map(
    alerts
      .filter(({ id }) => !withdrawn.has(id))
      .map(({ id, title, count, firstEventTime, lastEventTime, value, eventIds, rule }) => [
        id,
        {
          title: rule?.kind === "correlation" ? title : (rule?.title ?? ""),
          count,
          first: shown(firstEventTime),
          last: shown(lastEventTime),
          value,
          // An epoch is drawn by the spool.
          events: eventIds.map((each) => each.replace(/^(\w+)-\w+-(\w+)$/, "$1 $2")),
        },
      ]),
  );
}

/** The alerts of the same events where nobody is killed. */
export async function alertsWithoutFaults(
  hostIds: readonly string[],
  events: number,
  startMs: number,
): Promise<Map<string, Told>> {
  await using stack = await openStack({ collector: { ingest: { hosts: "certified" } } });
  await stack.startServices();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const stream = await openBlockStream(stack);
  try {
    await putRules(archive);
    await stream.matches.prepareMatching(3_600_000);
    await stack.startCollector();
    const hosts = hostIds.map((hostId, number) => ({
      number,
      host: new PublishingHost(`chaos-${number}`, 1n, hostId),
    }));
    for (let seq = 0; seq < events; seq += BLOCK_EVENTS) {
      const blocks = hosts.map(({ number, host }) => {
        const count = Math.min(BLOCK_EVENTS, events - seq);
        const some = Array.from({ length: count }, (_, at) => eventOf(number, seq + at, startMs));
        return host.publish(stream, host.seal(some));
      });
      await Promise.all(blocks);
    }
    await detectionSettled(stream, archive);
    return await alertsOf(archive);
  } finally {
    await stream.close();
    await archive.close();
  }
}

/** Each event of each host is found, once. */
export async function checkEvents(
  client: QueryServiceClient,
  hostIds: readonly string[],
  events: number,
): Promise<void> {
  for (const [number, hostId] of hostIds.entries()) {
    const found = await searchAll(client, { hostId, filter: "process.args:*", pageSize: 1000 });
    const names = found.map(({ process }) => process?.args[1] ?? "");
    const wanted = Array.from({ length: events }, (_, seq) => `chaos-${number}-${seq}`);
    const missing = wanted.filter((each) => !names.includes(each));
    assert.deepEqual(
      missing.slice(0, 20),
      [],
      `${missing.length} of host ${number} are missing; ${found.length} are found`,
    );
    assert.equal(new Set(found.map(({ id }) => id)).size, found.length, `an event of host ${number} stands twice`);
    assert.equal(found.length, events, `host ${number}`);
  }
}

/** Stored events that the detector's last checkpoint does not have: "<host> <epoch> <from> to <to>". */
async function notLookedAt(archive: Archive): Promise<string[]> {
  const saved = await archive.detector.loadState();
  const { looked } = DetectorState.decode(saved?.bytes ?? new Uint8Array());
  const trails = await archive.hosts.listTrails("", HOSTS_MAX);
  return trails.flatMap(({ hostId, trail }) =>
    trail.flatMap(({ epoch, ranges }) => {
      const known = looked.filter((range) => range.hostId === hostId && range.epoch === epoch);
      // Both are in as few ranges as they can be.
      return ranges
        .filter(({ first, next }) => !known.some((range) => range.first <= first && next <= range.next))
        .map(({ first, next }) => `${hostId} ${epoch} ${first} to ${next}`);
    }),
  );
}

/** Nothing waits: in no stream, and not as arrivals. */
export async function settled(stream: BlockStream, archive: Archive, timeoutMs: number): Promise<void> {
  await eventually("all blocks being stored", timeoutMs, async () => {
    const lag = await stream.lag();
    if (lag > 0) throw new Error(`${lag} blocks wait in the stream`);
    return true;
  });
  // What the broker lost after it was stored is found by what is stored, a while later.
  await eventually("all that is stored being held against rules", timeoutMs, async () => {
    const passed = await notLookedAt(archive);
    if (passed.length > 0) throw new Error(`no rule was held against ${passed.join(", ")}`);
    return true;
  });
  await detectionSettled(stream, archive);
  await eventually("all blocks being compacted", timeoutMs, async () => {
    const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 100_000, bytesMax: 1 << 28 });
    if (arrivals.length > 0) throw new Error(`${arrivals.length} arrivals`);
    return true;
  });
}

/** What `hosttrail verify` says of all hosts; throws where it is not that all are verified. */
export async function checkChains(profileFile: string): Promise<string> {
  const words = [CLI, "--profile", profileFile, "verify"];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
