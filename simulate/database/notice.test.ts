/** The collector's compactor on a simulated database. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { patchGlobals, presentChance } from "../clock/index.ts";
import { setMerge } from "../collector/threads.ts";
import { traceLogger } from "../host/logger.ts";
import { substituteModules } from "../load/register.ts";
import { Network, presentNetwork } from "../network/index.ts";
import { presentSchedule, Random, Schedule, SimulatedProcess, START_MS } from "../schedule/index.ts";
import { Database, presentDatabase } from "./index.ts";

await substituteModules([]);
patchGlobals();
const { compactArchive, historySource } = await import("@hosttrail/collector/archives");
const { compact, Compactor } = await import("@hosttrail/collector/compact");
const { History } = await import("@hosttrail/collector/history");
const { Archive } = await import("@hosttrail/collector/mongodb");
const { noticeBlock } = await import("@hosttrail/collector/trail");
setMerge(compact);

const HOST = "a".repeat(32);
const MINUTE_MS = 60_000;

it("a notice that is told again after the first one became history is no fork", async () => {
  const random = new Random("notices");
  const schedule = new Schedule(random.stream("schedule"), false);
  const machine = { name: "c0", clockOffsetMs: 0 };
  presentSchedule.set(schedule);
  presentChance.set(random.stream("chance"));
  const network = new Network(schedule, random.stream("network"));
  presentNetwork.set(network);
  const database = new Database(
    { name: "database", clockOffsetMs: 0 },
    "mongodb",
    schedule,
    network,
    random.stream("database"),
  );
  presentDatabase.set(database);
  const process = new SimulatedProcess("collector", machine);
  const lines: string[] = [];
  const logger = traceLogger(
    schedule,
    "collector",
    () => true,
    (_level, _about, text) => lines.push(text),
  );

  const work = async (): Promise<void> => {
    const archive = Archive.open({ url: "mongodb://simulated", database: "hosttrail" });
    const options = { turnMs: 1000, ageMs: 1000, blocksMin: 1 };
    const history = new History(historySource(archive));
    const compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
    for (const missing of ["5", "9"]) {
      const fields = { epoch: "1", first: "0", next: missing };
      const notice = noticeBlock({ kind: "gap", hostId: HOST, hostName: "h0", receivedMs: START_MS, fields });
      assert.deepEqual((await archive.arrivals.insert([notice])).stored, [notice.id]);
      await new Promise((resolve) => setTimeout(resolve, MINUTE_MS));
      await compactor.compactWaiting();
      const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 10, bytesMax: 1 << 20 });
      assert.deepEqual(arrivals, []);
    }
    const reading = await history.begin({ hosts: undefined, startNano: 0n, endNano: 1n << 62n });
    const units = await Promise.all(reading.days.map((day) => reading.all(day)));
    assert.equal(units.flat().length, 1);
    assert.equal((await archive.hosts.getHosts([HOST])).size, 0);
  };
  let isDone = false;
  let failure: unknown;
  await schedule.run(process, () => {
    work().then(
      () => (isDone = true),
      (error: unknown) => {
        failure = error;
        isDone = true;
      },
    );
  });
  await schedule.runUntil(60 * MINUTE_MS, () => isDone);
  if (failure !== undefined) throw failure;
  assert.ok(isDone);
  assert.deepEqual(schedule.uncaught, []);
  assert.ok(!lines.includes("a host's trail is not as it should be"));
});
