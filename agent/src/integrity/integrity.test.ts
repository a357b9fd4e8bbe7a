import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Event } from "@hosttrail/proto/event";
import { Integrity } from "./index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-integrity-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function event(nametypes: Record<string, string>, type: string, pid = 0): Event {
  return Event.fromPartial({
    event: { category: ["file"], type: [type], outcome: "success" },
    process: { pid },
    files: Object.entries(nametypes).map(([path, nametype], item) => ({ path, nametype, item })),
  });
}

function watching(paths: string[] = [folder]): { integrity: Integrity<string>; released: string[] } {
  const released: string[] = [];
  const integrity = new Integrity<string>({ paths, bytesMax: 1000, settleMs: 20 }, (item) => released.push(item));
  return { integrity, released };
}

describe("file integrity", () => {
  it("is concerned by changes of what is watched, and by nothing else", () => {
    const { integrity } = watching();
    const path = join(folder, "config");
    assert.equal(integrity.concerns(event({ [path]: "NORMAL" }, "change")), true);
    assert.equal(integrity.concerns(event({ [path]: "NORMAL" }, "access")), false);
    assert.equal(integrity.concerns(event({ [folder]: "PARENT", "/elsewhere": "CREATE" }, "creation")), false);
    assert.equal(watching([]).integrity.concerns(event({ [path]: "NORMAL" }, "change")), false);
    assert.equal(integrity.held, 0);
  });

  it("shows content, owner and mode before and after, in the event that changed them", async () => {
    const path = join(folder, "config");
    writeFileSync(path, "old", { mode: 0o600 });
    const { integrity, released } = watching();
    writeFileSync(path, "newer");
    chmodSync(path, 0o644);
    const changed = event({ [path]: "NORMAL" }, "change");
    assert.equal(integrity.holds(changed, "a", 7, performance.now()), true);
    assert.deepEqual([integrity.held, integrity.oldestPosition], [1, 7]);
    await sleep(80);
    assert.deepEqual(released, ["a"]);
    const { before, after } = changed.files[0] ?? {};
    assert.deepEqual([before?.sha256, before?.size, (before?.mode ?? 0) & 0o777], [sha256("old"), 3n, 0o600]);
    assert.deepEqual([after?.sha256, after?.size, (after?.mode ?? 0) & 0o777], [sha256("newer"), 5n, 0o644]);
    assert.equal(integrity.oldestPosition, undefined);
  });

  it("learns a large folder bit by bit, while events go on, and knows all of it in the end", async () => {
    const files = Array.from({ length: 8000 }, (_, at) => join(folder, `d${at % 80}`, `f${at}`));
    for (let at = 0; at < 80; at++) mkdirSync(join(folder, `d${at}`));
    for (const path of files) writeFileSync(path, "old");
    const { integrity, released } = watching();
    assert.ok(integrity.unlearned > 0, "not all at once");
    while (integrity.unlearned > 0) await sleep(5);
    const [path = ""] = files.slice(-1);
    writeFileSync(path, "newer");
    const changed = event({ [path]: "NORMAL" }, "change");
    assert.ok(integrity.holds(changed, "last", 1, performance.now()));
    await sleep(80);
    assert.deepEqual(released, ["last"]);
    assert.equal(changed.files[0]?.before?.sha256, sha256("old"));
    assert.equal(changed.files[0]?.after?.sha256, sha256("newer"));
  });

  it("waits while the process has the file open, and not for ever", async () => {
    const path = join(folder, "log");
    const { integrity, released } = watching();
    const file = openSync(path, "w");
    const created = event({ [folder]: "PARENT", [path]: "CREATE" }, "creation", process.pid);
    integrity.holds(created, "a", 0, performance.now());
    await sleep(60);
    writeSync(file, "late");
    assert.deepEqual(released, []);
    closeSync(file);
    await sleep(60);
    assert.deepEqual(released, ["a"]);
    const object = created.files[1];
    assert.deepEqual([object?.before?.exists, object?.after?.sha256], [false, sha256("late")]);
    const again = openSync(path, "w");
    integrity.holds(event({ [path]: "NORMAL" }, "change", process.pid), "b", 0, performance.now());
    await sleep(900);
    assert.deepEqual(released, ["a", "b"]);
    closeSync(again);
  });

  it("follows a rename and a deletion", () => {
    const [from, to] = [join(folder, "a"), join(folder, "b")];
    writeFileSync(from, "x");
    const { integrity } = watching();
    renameSync(from, to);
    const renamed = event({ [from]: "DELETE", [to]: "CREATE" }, "change");
    integrity.holds(renamed, "a", 0, performance.now());
    integrity.flush();
    assert.deepEqual(
      renamed.files.map(({ before, after }) => [before?.exists, after?.exists]),
      [
        [true, false],
        [false, true],
      ],
    );
    rmSync(to);
    const deleted = event({ [to]: "DELETE" }, "deletion");
    integrity.holds(deleted, "b", 0, performance.now());
    integrity.flush();
    assert.deepEqual([deleted.files[0]?.before?.sha256, deleted.files[0]?.after?.exists], [sha256("x"), false]);
  });

  it("holds nothing that is not watched, not a change, or failed", () => {
    const { integrity } = watching([join(folder, "etc")]);
    const holds = (of: Event): boolean => integrity.holds(of, "a", 0, 0);
    assert.equal(holds(event({ [join(folder, "etcetera")]: "NORMAL" }, "change")), false);
    assert.equal(holds(event({ [join(folder, "etc")]: "NORMAL" }, "access")), false);
    assert.equal(holds(event({ [join(folder, "etc")]: "PARENT" }, "change")), false);
    const failed = event({ [join(folder, "etc")]: "NORMAL" }, "change");
    if (failed.event !== undefined) failed.event.outcome = "failure";
    assert.equal(holds(failed), false);
    assert.equal(holds(event({ [join(folder, "etc", "x")]: "NORMAL" }, "change")), true);
    integrity.flush();
  });

  it("takes no hash of what is large, a link or a folder, and stays with a bound", () => {
    const large = join(folder, "large");
    writeFileSync(large, "x".repeat(1001));
    const link = join(folder, "link");
    symlinkSync("/etc/passwd", link);
    mkdirSync(join(folder, "sub"));
    const { integrity, released } = watching();
    for (const path of [large, link, join(folder, "sub")]) {
      const changed = event({ [path]: "NORMAL" }, "change");
      integrity.holds(changed, path, 0, performance.now());
      integrity.flush();
      assert.deepEqual([changed.files[0]?.after?.exists, changed.files[0]?.after?.sha256], [true, ""]);
    }
    for (let count = 0; count < 600; count++)
      integrity.holds(event({ [large]: "NORMAL" }, "change"), "x", 0, performance.now());
    assert.equal(integrity.held, 512);
    assert.equal(integrity.skipped, 88);
    integrity.flush();
    assert.equal(released.length, 515);
  });
});
