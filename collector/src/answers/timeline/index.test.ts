import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Alert } from "@hosttrail/proto/alert";
import { type TimelineEntry, TimelineKind } from "@hosttrail/proto/analysis";
import { Event } from "@hosttrail/proto/event";
import { allOf, blocksOf, readTrail, ROLES } from "../fixture.ts";
import { TimelineBuilder, type TimelinePlan } from "./index.ts";
import { timelineKindOf } from "./kind.ts";

const END = (1n << 63n) - 1n;
const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

interface Told {
  entries: TimelineEntry[];
  untilNano: bigint | undefined;
}

function timelineOf(events: readonly Event[], plan: Partial<TimelinePlan> = {}, fromNano = 0n): Told {
  const builder = new TimelineBuilder({ kinds: undefined, limit: 1_000_000, ...plan });
  const parts = blocksOf(events).map((block) => {
    const matches = allOf(block).filter((event) => (block.columns.time[event] ?? 0n) >= fromNano);
    return {
      block,
      matches,
      edge: matches.map((event) => block.columns.time[event] ?? 0n).reduce((a, b) => (a < b ? a : b), END),
    };
  });
  parts.sort((a, b) => (a.edge < b.edge ? -1 : 1));
  for (const { block, matches, edge } of parts) if (builder.add(block, matches, edge)) break;
  return builder.answer(END, []);
}

const nano = (time: { seconds: bigint; nanos: number } | undefined): bigint =>
  (time?.seconds ?? 0n) * 1_000_000_000n + BigInt(time?.nanos ?? 0);

describe("A host's timeline", () => {
  for (const role of ROLES) {
    const events = readTrail(role).slice(0, 3000);
    it(`has each event of the trail ${role} once, in the order of time, in words without control characters`, () => {
      const { entries, untilNano } = timelineOf(events);
      assert.equal(untilNano, undefined);
      assert.equal(
        entries.reduce((sum, { count }) => sum + Number(count), 0),
        events.length,
      );
      assert.ok(entries.length < events.length, "what repeats is folded");
      for (const [at, entry] of entries.entries()) {
        assert.ok(
          nano(entry.firstTime) >= nano(entries[at - 1]?.firstTime) && nano(entry.lastTime) >= nano(entry.firstTime),
        );
        assert.ok(!STEERS.test(entry.summary + entry.object + entry.userName) && entry.summary !== "", entry.summary);
        assert.ok(entry.eventIds.length === Math.min(20, Number(entry.count)));
      }
    });

    it(`gives the trail ${role} in pieces of a few entries, with no event twice and none missing`, () => {
      let fromNano: bigint | undefined = 0n;
      let counted = 0;
      let pieces = 0;
      while (fromNano !== undefined) {
        const piece: Told = timelineOf(events, { limit: 200 }, fromNano);
        counted += piece.entries.reduce((sum, { count }) => sum + Number(count), 0);
        assert.ok(piece.untilNano === undefined || piece.untilNano > fromNano);
        fromNano = piece.untilNano;
        pieces++;
      }
      assert.ok(pieces > 2);
      assert.equal(counted, events.length);
    });

    it(`has of the trail ${role} just the kinds that are asked for`, () => {
      for (const kind of [
        TimelineKind.LOGIN,
        TimelineKind.PROCESS,
        TimelineKind.FILE,
        TimelineKind.CONNECTION,
        TimelineKind.ACCOUNT,
      ]) {
        const { entries } = timelineOf(events, { kinds: new Set([kind]) });
        const expected = events.filter(({ event }) => event !== undefined && timelineKindOf(event) === kind).length;
        assert.ok(entries.every((entry) => entry.kind === kind));
        assert.equal(
          entries.reduce((sum, { count }) => sum + Number(count), 0),
          expected,
        );
      }
    });
  }

  it("tells who came to the door, and from where", () => {
    const { entries } = timelineOf(readTrail("admin"), { kinds: new Set([TimelineKind.LOGIN]) });
    assert.match(entries[0]?.summary ?? "", /^authenticated \S+ \(su\[\d+\]\)$/);
    const from = {
      user: { id: 0, name: "root", auditId: 0xffffffff, targetName: "eve" },
      source: { address: "192.0.2.7" },
    };
    const failed = Event.fromPartial({
      ...from,
      event: { kind: "event", action: "logged-in", category: ["authentication"], outcome: "failure" },
      process: { name: "sshd", pid: 9 },
    });
    assert.equal(timelineOf([failed]).entries[0]?.summary, "logged in eve from 192.0.2.7, in vain (sshd[9])");
  });

  it("folds what a program tried along PATH, and what repeats within a minute", () => {
    const at = (seconds: number, changes: Parameters<typeof Event.fromPartial>[0]): Event =>
      Event.fromPartial({
        process: { entityId: "a", name: "sh", pid: 7 },
        ...changes,
        event: { timeUnixNano: BigInt(seconds) * 1_000_000_000n, kind: "event", outcome: "success", ...changes.event },
      });
    const failing = (seconds: number, path: string): Event =>
      at(seconds, {
        event: { action: "executed", category: ["process"], outcome: "failure" },
        files: [{ path }],
        audit: { syscall: { name: "execve", exit: -2n } },
      });
    const open = (seconds: number): Event =>
      at(seconds, {
        event: { action: "opened-file", category: ["file"] },
        files: [{ path: "/etc/\u001bshadow\u202e" }],
      });
    const { entries } = timelineOf([
      failing(1, "/usr/bin/x"),
      failing(2, "/bin/x"),
      open(3),
      open(60),
      open(120),
      open(181),
    ]);
    assert.deepEqual(
      entries.map(({ count, object }) => [Number(count), object]),
      [
        [2, "x (along PATH)"],
        [3, "/etc/\\x1bshadow\\u{202e}"],
        [1, "/etc/\\x1bshadow\\u{202e}"],
      ],
    );
    assert.equal(entries[0]?.summary, "somebody could not run x (along PATH) (sh[7])");
  });

  it("has alerts among the events, up to where it is complete", () => {
    const events = readTrail("admin").slice(0, 500);
    const alert = (title: string, timeNano: bigint): Alert =>
      Alert.fromPartial({
        id: title,
        title,
        count: 2n,
        firstEventTime: { seconds: timeNano / 1_000_000_000n, nanos: 0 },
      });
    const first = events[0]?.event?.timeUnixNano ?? 0n;
    const builder = new TimelineBuilder({ kinds: undefined, limit: 20 });
    for (const block of blocksOf(events)) builder.add(block, allOf(block), first);
    const { entries, untilNano } = builder.answer(END, [
      alert("early\n", first),
      alert("late", first + 3_600_000_000_000n),
    ]);
    assert.ok(untilNano !== undefined);
    const told = entries.filter(({ kind }) => kind === TimelineKind.ALERT);
    assert.deepEqual(
      told.map(({ summary, alertId }) => [summary, alertId]),
      [["alert: early\\x0a", "early\n"]],
    );
  });
});
