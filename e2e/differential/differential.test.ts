import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import type { RecordGroup } from "@hosttrail/agent/model";
import { Reassembler } from "@hosttrail/agent/reassemble";
import { openSource } from "@hosttrail/agent/source";
import { ausearch, csvEvents, interpretedEvents, partsOf } from "./ausearch.ts";
import { acceptedReasons, Comparison, compareInterpreted, compareMeaning } from "./compare.ts";
import { record } from "./record.ts";
import { compareRepeated } from "./repeated.ts";

const HERE = new URL(".", import.meta.url).pathname;
const EVENTS_MIN = 100_000;
const MIB = 1024 * 1024;

const hasAusearch = spawnSync("ausearch", ["--version"]).error === undefined;
const missing =
  whyNoAudit() ?? (hasAusearch ? undefined : "ausearch is not installed (Debian: apt-get install auditd)");

/** Reads the log as the agent replays it. */
async function groupsOf(log: string): Promise<Map<number, RecordGroup>> {
  const groups = new Map<number, RecordGroup>();
  const options = { timeoutMs: 2000, bytesMax: 512 * MIB, endOfEventExpected: true };
  const reassembler = new Reassembler(options, (group) => groups.set(group.serial, group));
  const source = openSource(
    { mode: "file", path: log, receiveBufferBytes: 0, ringBytes: 0, ringPath: "", bootId: "" },
    (each) => reassembler.push(each, 0),
  );
  await source.finished;
  reassembler.flush("");
  assert.equal(source.counters().parseFailures, 0, "every line is a record");
  return groups;
}

describe("decoding, against ausearch", () => {
  it(`agrees on at least ${EVENTS_MIN} events of real work`, { skip: missing ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-differential-"));
    const log = join(folder, "audit.log");
    try {
      const { events, lost } = await record(
        log,
        join(HERE, "broad.rules"),
        [join(HERE, "workload.sh"), "2"],
        EVENTS_MIN,
        24,
      );
      assert.ok(events >= EVENTS_MIN, `${events} events`);
      const groups = await groupsOf(log);
      assert.equal(groups.size, events);

      const parts = partsOf(log);
      const to = new Comparison();
      let interpreted = 0;
      let meant = 0;
      // Raw: the same records, none more and none less.
      const lines = readFileSync(log, "latin1").trimEnd().split("\n");
      const own = new Map<string, number>();
      for (const line of lines) own.set(line, (own.get(line) ?? 0) + 1);
      const raw = async (): Promise<void> => {
        for await (const line of ausearch(parts, "--raw")) {
          const count = own.get(line) ?? 0;
          to.equal("raw record", count > 0, true, line);
          own.set(line, count - 1);
        }
      };
      const fields = async (): Promise<void> => {
        for await (const { serial, records } of interpretedEvents(parts)) {
          const group = groups.get(serial);
          assert.ok(group !== undefined, `event ${serial}`);
          compareInterpreted(to, group, records);
          interpreted++;
        }
      };
      const meanings = async (): Promise<void> => {
        for await (const theirs of csvEvents(parts)) {
          const group = groups.get(theirs.serial);
          assert.ok(group !== undefined, `event ${theirs.serial}`);
          compareMeaning(to, group, theirs);
          meant++;
        }
      };
      await Promise.all([raw(), fields(), meanings()]);
      to.equal(
        "raw records",
        [...own.values()].reduce((sum, count) => sum + Math.abs(count), 0),
        0,
        "left over",
      );

      process.stdout.write(
        `${events} events, ${lines.length} records, kernel lost ${lost}; ${to.compared} facts compared, ${to.differing} differ\n`,
      );
      for (const line of acceptedReasons(to)) process.stdout.write(`  accepted: ${line}\n`);
      assert.deepEqual(Object.fromEntries(to.differences), {});
      assert.equal(interpreted, events);
      const again = await compareRepeated(lines);
      process.stdout.write(`${again.repeated} events repeat others and are made as if they did not\n`);
      assert.deepEqual(again.differing, []);
      assert.equal(again.events, events);
      assert.ok(again.repeated > 0);
      // The csv leaves out events of which it knows nothing to say; there are few.
      assert.ok(meant > events * 0.99, `${meant} events in the csv`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
