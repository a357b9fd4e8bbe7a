/** The program itself, on a quarantine that a spool has made; where an agent must answer, e2e/quarantine.test.ts has one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { listQuarantine, quarantineOf, Spool, spoolOf } from "../spool/index.ts";

const PROGRAM = new URL("../main.ts", import.meta.url).pathname;
const NOBODY = 65_534;
const DAMAGE = `${"0".repeat(16)}-${"a".repeat(16)}.segment.12`;
const SINCE = "2026-05-04T03:02:01.000Z";

let directory: string;
let keys: string[];

before(() => {
  directory = mkdtempSync(join(tmpdir(), "hosttrail-commands-"));
  for (const state of ["state", "empty"]) {
    writeFileSync(
      join(directory, `${state}.yaml`),
      [
        `state_directory: ${join(directory, state)}`,
        `runtime_directory: ${join(directory, "run")}`,
        "collector: { endpoints: [localhost:1], ca_file: /nowhere }",
        "enroll: { endpoints: [localhost:1] }",
        "source: { mode: none }",
      ].join("\n"),
    );
  }
  const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const state = join(directory, "state");
  mkdirSync(state, { mode: 0o700 });
  const spoolDirectory = spoolOf({ stateDirectory: state });
  const bounds = { bytesMax: 1 << 22, segmentBytes: 1 << 20, hoursMax: 0, quarantineBytesMax: 1 << 20 };
  const about = { directory: spoolDirectory, sync: "never", bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13" } as const;
  const spool = new Spool({ ...bounds, ...about }, () => undefined);
  const event = Event.fromPartial({ event: { action: "executed", timeUnixNano: 1n } });
  for (const [count, reason] of [
    [3, "DATABASE_REFUSED"],
    [4, "PAYLOAD_MALFORMED"],
    [5, "DATABASE_REFUSED"],
  ] as const) {
    const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
    const place = {
      hostId: "0".repeat(32),
      epoch,
      firstSeq,
      previousHeaderSha256,
      bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
      agentVersion: "1",
    };
    const block = sealBlock(new Array(count).fill(event), { ...place, flags: 0 }, nodePrimitives, signerOf(pem));
    spool.quarantine(spool.append(block), reason);
  }
  spool.close();
  writeFileSync(join(quarantineOf(spoolDirectory), `${DAMAGE}.DAMAGED.bytes`), "?".repeat(77));
  const files = listQuarantine(quarantineOf(spoolDirectory));
  for (const { path } of files) utimesSync(path, Date.parse(SINCE) / 1000, Date.parse(SINCE) / 1000);
  keys = files.filter(({ key }) => key !== DAMAGE).map(({ key }) => key);
});
after(() => rmSync(directory, { recursive: true }));

function run(
  words: readonly string[],
  state = "state",
  uid?: number,
): { code: number; stdout: string; stderr: string } {
  const args = [PROGRAM, ...words, "--config", join(directory, `${state}.yaml`)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    ...(uid === undefined ? {} : { uid }),
  });
  return { code: status ?? -1, stdout, stderr };
}

describe("quarantine list", () => {
  it("has a line for each file with its reason, its events and since when, without an agent", () => {
    const { code, stdout } = run(["quarantine", "list"]);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^KEY +REASON +EVENTS +BYTES +SINCE$/);
    assert.equal(lines.length, 5);
    assert.match(stdout, new RegExp(`^${keys[0]} +DATABASE_REFUSED +3 +\\d+ +${SINCE}$`, "m"));
    assert.match(stdout, new RegExp(`^${keys[1]} +PAYLOAD_MALFORMED +4 +\\d+ +${SINCE}$`, "m"));
    assert.match(stdout, new RegExp(`^${DAMAGE} +DAMAGED +- +77 +${SINCE}$`, "m"));
  });

  it("says the same as JSON", () => {
    const { code, stdout } = run(["quarantine", "list", "--json"]);
    assert.equal(code, 0);
    const found = JSON.parse(stdout) as Record<string, unknown>[];
    assert.deepEqual(
      found.map(({ key, reason, events, since }) => [key, reason, events, since]),
      [
        [DAMAGE, "DAMAGED", null, SINCE],
        [keys[0], "DATABASE_REFUSED", 3, SINCE],
        [keys[1], "PAYLOAD_MALFORMED", 4, SINCE],
        [keys[2], "DATABASE_REFUSED", 5, SINCE],
      ].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
  });

  it("says that it is empty where there is none", () => {
    assert.deepEqual(run(["quarantine", "list"], "empty"), {
      code: 0,
      stdout: "the quarantine is empty\n",
      stderr: "",
    });
    assert.equal(run(["quarantine", "list", "--json"], "empty").stdout, "[]\n");
  });

  it("is for root", { skip: process.getuid?.() === 0 ? false : "only root can become another user" }, () => {
    chmodSync(directory, 0o755);
    const { code, stderr } = run(["quarantine", "list"], "state", NOBODY);
    assert.equal(code, 1);
    assert.match(stderr, /quarantine may be read by root only, or by the user that the agent runs as\n$/);
  });
});

describe("quarantine send", () => {
  it("wants to be told what, and refuses what is no block with what is allowed", () => {
    const wants = /quarantine send wants the KEYs of blocks, as quarantine list shows them, or --all\n$/;
    assert.match(run(["quarantine", "send"]).stderr, wants);
    assert.match(run(["quarantine", "send", keys[0] ?? "", "--all"]).stderr, wants);
    assert.match(
      run(["quarantine", "send", "../x"]).stderr,
      /"\.\.\/x" is no KEY of a block; a KEY has two numbers of 16 hex digits with a dash between them\n$/,
    );
    assert.match(
      run(["quarantine", "send", DAMAGE]).stderr,
      /12" is damage, not a block: nothing of it can be sent\n$/,
    );
    for (const words of [["quarantine"], ["quarantine", "list", "all"]]) {
      const { code, stderr } = run(words);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`there is no command "${words.join(" ")}"\n$`));
    }
  });

  it("wants an agent that runs, but not for nothing", () => {
    const { code, stderr } = run(["quarantine", "send", "--all"]);
    assert.equal(code, 1);
    assert.match(stderr, /no agent answers at .*control\.sock \(.*ENOENT.*\); is it running\?\n$/);
    const nothing = run(["quarantine", "send", "--all"], "empty");
    assert.deepEqual(nothing, { code: 0, stdout: "the quarantine has no block to send\n", stderr: "" });
    assert.equal(run(["quarantine", "send", "--all", "--json"], "empty").stdout, '{"sent":[],"refused":[]}\n');
  });
});

describe("doctor", () => {
  it("finds what is in the quarantine, and says what to do", () => {
    const { stdout } = run(["doctor"]);
    assert.match(
      stdout,
      new RegExp(
        `^warning {2}the quarantine has, since ${SINCE}, 3 rejected blocks \\(\\d+ bytes\\) with 12 events: they are not in the trail ` +
          String.raw`\((?:2 DATABASE_REFUSED, 1 PAYLOAD_MALFORMED|1 PAYLOAD_MALFORMED, 2 DATABASE_REFUSED)\)\. ` +
          "The collector's log says why; when it takes them: hosttrail-agent quarantine send --all$",
        "m",
      ),
    );
    assert.match(
      stdout,
      new RegExp(`^warning {2}the quarantine has, since ${SINCE}, 1 damaged stretch \\(77 bytes\\) of`, "m"),
    );
  });

  it("says nothing of a quarantine in which nothing is", () => {
    assert.doesNotMatch(run(["doctor"], "empty").stdout, /quarantine/);
  });
});
