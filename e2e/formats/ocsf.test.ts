import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileWriter } from "@hosttrail/collector/export";
import { Alert } from "@hosttrail/proto/alert";
import { ExportFormat } from "@hosttrail/proto/query";
import { HOSTILE, noticeOf } from "../../collector/src/notify/fixture.ts";
import { detectionFinding } from "../../collector/src/notify/targets/ocsf.ts";
import { variedEvents } from "./events.ts";
import { claimedEvents, strangeEvents } from "./strange.ts";
import { openOcsf } from "./ocsf.ts";
import { WHY_NO_TOOLS } from "./python.ts";

type Document = Record<string, unknown>;

const VERSION = "1.8.0";
const CLASSES = [0, 1001, 1002, 1007, 3001, 3002, 3006, 4001];
const FINDING = 2004;
const TOP = 20;
const DOCUMENT = readFileSync(new URL("../../docs/formats.md", import.meta.url), "utf8");
const events = [...variedEvents(), ...strangeEvents(), ...claimedEvents()];

describe("OCSF", { skip: WHY_NO_TOOLS }, () => {
  const schemas = openOcsf(VERSION, [...CLASSES, FINDING], ["host"]);
  const documents = Buffer.from(fileWriter(ExportFormat.OCSF, [])?.write(events) ?? [])
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Document);

  it("events are as the published schema of their class has them, and of every class", () => {
    assert.equal(documents.length, events.length);
    const problems = documents.flatMap((document, at) =>
      schemas.problems(document).map((problem) => `${events[at]?.event?.action}: ${problem}`),
    );
    assert.deepEqual([...new Set(problems)].slice(0, TOP), []);
    assert.deepEqual([...new Set(documents.map(({ class_uid }) => class_uid as number))].toSorted(byNumber), CLASSES);
    const named = new Set(
      documents.map(({ class_uid, class_name }) => `${class_uid as number} ${class_name as string}`),
    );
    for (const each of named) assert.ok(DOCUMENT.includes(`| ${each} |`), `docs/formats.md has no ${each}`);
  });

  it("events have a number for what they are that is made of class and activity, and the id by which doubles are told", () => {
    for (const [at, document] of documents.entries()) {
      const { class_uid, activity_id, type_uid, type_name, class_name, activity_name, category_uid } = document;
      assert.equal(type_uid, (class_uid as number) * 100 + (activity_id as number));
      assert.equal(type_name, `${class_name as string}: ${activity_name as string}`);
      assert.equal(category_uid, Math.floor((class_uid as number) / 1000));
      assert.equal((document["metadata"] as Document)["uid"], events[at]?.id);
    }
  });

  it("findings are as the published schema of Detection Finding has them", () => {
    const { alert, ...bare } = noticeOf(HOSTILE);
    assert.ok(alert !== undefined);
    const many = Alert.fromPartial({ ...alert, events: events.filter((_, at) => at % 500 === 0) });
    const kinds = ["opened", "updated", "acknowledged", "closed", "reopened", "noted"] as const;
    const notices = [
      ...kinds.flatMap((kind) => [noticeOf("x", { kind }), noticeOf("", { kind }), noticeOf(HOSTILE, { kind })]),
      noticeOf("x", { alert: many }),
      noticeOf("x", { kind: "closed", alert: Alert.fromPartial({ ...alert, state: 3, closeReason: 2 }) }),
      noticeOf("x", { alert: Alert.fromPartial({ id: alert.id }) }),
      { ...bare, kind: "held_back" as const },
      { ...bare, kind: "test" as const },
    ];
    for (const notice of notices) {
      const finding = JSON.parse(JSON.stringify(detectionFinding(notice))) as Document;
      assert.deepEqual(schemas.problems(finding), [], `${notice.kind}: ${JSON.stringify(finding).slice(0, 500)}`);
    }
  });

  it("documents are found wrong where a wrong field is planted", () => {
    const found = (uid: number, change: (document: Document) => void): string[] => {
      const document = structuredClone(documents.find(({ class_uid }) => class_uid === uid));
      assert.ok(document !== undefined);
      change(document);
      return schemas.problems(document);
    };
    const inside = (document: Document, name: string): Document => document[name] as Document;
    const plants: readonly [number, RegExp, (document: Document) => void][] = [
      [1007, /additionalProperty":"pid"/, (document) => void (document["pid"] = 1)],
      [1007, /^\/process\/pid: must be integer/, (document) => void (inside(document, "process")["pid"] = "1")],
      [1007, /^\/activity_id: must be equal to one of/, (document) => void (document["activity_id"] = 14)],
      [1007, /^\/type_uid: must be equal to one of/, (document) => void (document["type_uid"] = 100_101)],
      [1007, /^\/category_uid: must be equal to constant/, (document) => void (document["category_uid"] = 3)],
      [1007, /^\/activity_name: .* goes with/, (document) => void (document["activity_name"] = "Lunch")],
      [1007, /^\/severity: "Informational", not "Low", goes with 2/, (document) => void (document["severity_id"] = 2)],
      [1007, /missingProperty":"actor"/, (document) => void delete document["actor"]],
      [1007, /^metadata: /, (document) => void (inside(document, "metadata")["version"] = "1.0.0")],
      [1001, /missingProperty":"file"/, (document) => void delete document["file"]],
      [
        1001,
        /^\/file\/type_id: must be equal to one of/,
        (document) => void (inside(document, "file")["type_id"] = 42),
      ],
      [3002, /missingProperty":"user"/, (document) => void delete document["user"]],
      [3006, /missingProperty":"group"/, (document) => void delete document["group"]],
      [4001, /^\/time: must be integer/, (document) => void (document["time"] = "2026-11-24T00:00:00Z")],
      [4001, /^class_uid: 9999 is not among/, (document) => void (document["class_uid"] = 9999)],
    ];
    for (const [uid, message, change] of plants) {
      assert.deepEqual(
        found(uid, () => {}),
        [],
      );
      const problems = found(uid, change);
      assert.ok(
        problems.some((problem) => message.test(problem)),
        `${message}: ${problems.join("; ")}`,
      );
    }
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
