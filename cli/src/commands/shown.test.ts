/** What answers of the collector look like for people. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter, FIELDS } from "@hosttrail/lib/predicate";
import { ProcessTree, Timeline, TimelineKind } from "@hosttrail/proto/analysis";
import { parseColumns } from "../columns.ts";
import { plainOutput } from "../output/index.ts";
import { bar, parseMetric } from "./aggregate.ts";
import { bothFilters, reportNamed, REPORTS, SUMMARY } from "./reportlist.ts";
import { parseKinds, timelineText } from "./timeline.ts";
import { treeText } from "./tree.ts";

process.env["TZ"] = "UTC";
const output = plainOutput(
  false,
  () => undefined,
  () => undefined,
);
const UNSET = 0xffff_ffff;

describe("a process tree", () => {
  const alice = {
    id: 1000,
    name: "alice",
    auditId: 1000,
    auditName: "alice",
    effectiveId: 1000,
    effectiveName: "alice",
  };

  it("is drawn with lines, each process with its history, its deeds and its alerts", () => {
    const text = treeText(
      ProcessTree.fromPartial({
        entityId: "c",
        nodes: [
          { entityId: "a", pid: 1, placeholderReason: "started before the trail" },
          {
            entityId: "b",
            parentEntityId: "a",
            pid: 20,
            isSessionLeader: true,
            images: [{ args: ["sshd"] }],
            user: alice,
          },
          {
            entityId: "c",
            parentEntityId: "b",
            pid: 21,
            images: [{ args: ["bash"], time: { seconds: 0n } }, { args: ["curl", "-s", "http://x\u001b"] }],
            user: { ...alice, effectiveId: 0, effectiveName: "root" },
            hasExitCode: true,
            exitCode: 7,
            connections: [
              {
                action: "connected-to",
                object: "203.0.113.9:443",
                count: 3n,
                outcome: "failure",
                firstTime: { seconds: 1n },
              },
            ],
            connectionsLeftOut: 4n,
            alerts: [{ id: "al", title: "curl ran", rule: { severity: 4 } }],
          },
          {
            entityId: "d",
            parentEntityId: "b",
            pid: 22,
            images: [{ executable: "/bin/ls" }],
            user: { id: UNSET, auditId: UNSET, effectiveId: UNSET },
          },
        ],
      }),
      output,
    );
    assert.equal(
      text,
      `? [1] (started before the trail)
└─ sshd [20] alice (session)
   ├─ curl -s http://x\\x1b [21] alice as root exit 7 ◀
   │     1970-01-01T00:00:00.000Z was bash
   │     ⚠ high curl ran (al)
   │     1970-01-01T00:00:01.000Z connected-to 203.0.113.9:443 ×3 failed
   │     … 4 more
   └─ /bin/ls [22]
`,
    );
  });

  it("ends, whatever the collector says of who is whose parent", () => {
    const nodes = Array.from({ length: 3000 }, (_, at) => ({
      entityId: `e${at}`,
      parentEntityId: at === 0 ? "" : `e${at - 1}`,
      pid: at,
    }));
    const lines = treeText(ProcessTree.fromPartial({ nodes }), output).trimEnd().split("\n");
    assert.equal(lines.length, 3000);
    assert.ok(
      lines.every((line) => line.length < 400),
      "deep trees do not leave the screen",
    );
    const circle = [{ entityId: "x", parentEntityId: "y" }, { entityId: "y", parentEntityId: "x" }, { entityId: "r" }];
    assert.equal(
      treeText(ProcessTree.fromPartial({ nodes: circle }), output)
        .trimEnd()
        .split("\n").length,
      3,
    );
  });
});

describe("a timeline", () => {
  const look = (path: string) => ({
    kind: TimelineKind.PROCESS,
    action: "executed",
    outcome: "failure",
    object: path,
    processEntityId: "p",
    count: 1n,
    firstTime: { seconds: 1n },
    summary: `tried to run ${path}`,
    eventIds: ["e1"],
  });

  it("has a line an entry; looks along PATH are one, unless each is wanted", () => {
    const entries = [look("/usr/bin/tool"), look("/bin/tool"), { ...look("/x"), outcome: "success", count: 3n }];
    const lines = timelineText(Timeline.fromPartial({ entries }), true, output).trimEnd().split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[1] ?? "", /process +executed tool \(not in 2 folders: \/usr\/bin, \/bin\) +failure +e1/);
    assert.match(lines[2] ?? "", /tried to run \/x ×3/);
    assert.equal(timelineText(Timeline.fromPartial({ entries }), false, output).trimEnd().split("\n").length, 4);
  });

  it("is of kinds that there are", () => {
    assert.deepEqual(parseKinds("login,alert"), [TimelineKind.LOGIN, TimelineKind.ALERT]);
    assert.throws(() => parseKinds("logins"), /allowed are some of login,process/);
  });
});

describe("counts", () => {
  it("are bars of which something is never nothing", () => {
    assert.equal(bar(0n, 10n, 4), "");
    assert.equal(bar(10n, 10n, 4), "████");
    assert.equal(bar(5n, 10n, 4), "██");
    assert.equal(bar(1n, 100_000n, 4), "▏");
    assert.equal(bar(3n, 16n, 4), "▊");
  });

  it("are of metrics that there are", () => {
    assert.equal(parseMetric("distinct:user.name").field, "user.name");
    assert.throws(() => parseMetric("median:process.pid"), /allowed are distinct, min/);
  });
});

describe("reports", () => {
  it("ask what the collector understands, by fields that there are", () => {
    for (const { name, filter, groupBy, columns } of REPORTS) {
      compileFilter(filter);
      compileFilter(bothFilters(filter, "process.pid = 1"));
      for (const field of groupBy) assert.ok(FIELDS.has(field), `${name}: ${field}`);
      parseColumns(columns);
    }
    for (const { filter, distinct } of SUMMARY) {
      compileFilter(filter);
      assert.ok(distinct === undefined || FIELDS.has(distinct), distinct);
    }
    assert.equal(bothFilters("", "x"), "x");
    assert.throws(() => reportNamed("nonsense"), /is no report; allowed are summary, anomaly, auth/);
  });
});
