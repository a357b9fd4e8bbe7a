/** `hosttrail-agent cost sample` on this machine's kernel: counts what its rules make, and leaves the kernel as it was, however it ends. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelAudit, whyNoAudit } from "@hosttrail/agent/kernel";
import { AUDIT_LIST_RULES } from "@hosttrail/agent/rules";
import { eventually, writeRules } from "./environment.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const missing = whyNoAudit();
const KEY = "hosttrail_e2e_sample";
const WAIT_MS = 20_000;
/** It listens some time after its rules are loaded, and does not say when. */
const TOUCHES = 40;
const TOUCH_MS = 100;

interface Sample {
  rules: string;
  keys: string[];
  minutes: { keys: { key: number; events: number }[] }[];
}

describe("a sample of this kernel", { skip: missing ?? false, timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-sample-"));
  const watched = join(folder, "watched");
  writeFileSync(watched, "");
  const rules = writeRules(join(folder, "sample.rules"), [`-w ${watched} -p wa -k ${KEY}`]);
  const running = new Set<ChildProcess>();
  after(() => {
    for (const child of running) child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });

  /** What audit is in the kernel, as text that can be compared. */
  function state(): { rules: string[]; enabled: number } {
    const kernel = new KernelAudit();
    const listed = kernel.request(AUDIT_LIST_RULES, Buffer.alloc(0), true);
    return { rules: listed.map((rule) => Buffer.from(rule).toString("hex")).sort(), enabled: kernel.status().enabled };
  }

  function start(output: string): { child: ChildProcess; ended: Promise<number | null>; errors: () => string } {
    const words = [AGENT, "cost", "sample", "--minutes", "5", "--rules", rules, "--output", output];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    let errors = "";
    child.stderr?.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    const ended = new Promise<number | null>((resolve) => {
      child.once("exit", (code) => {
        running.delete(child);
        resolve(code);
      });
    });
    return { child, ended, errors: () => errors };
  }

  const untilLoaded = async (): Promise<void> => {
    const key = Buffer.from(KEY).toString("hex");
    await eventually("the sample's rule being loaded", WAIT_MS, () =>
      Promise.resolve(state().rules.some((rule) => rule.includes(key)) ? true : undefined),
    );
  };

  it("counts what its rules make, and ends with its counts when it is asked to", async () => {
    const before = state();
    const output = join(folder, "sample.json");
    const { child, ended, errors } = start(output);
    await untilLoaded();
    // Another one would count the first one's rules.
    const other = start(join(folder, "other.json"));
    assert.notEqual(await other.ended, 0);
    assert.match(other.errors(), /another sample/);
    for (let time = 0; time < TOUCHES; time++) {
      writeFileSync(watched, String(time));
      await sleep(TOUCH_MS);
    }
    child.kill("SIGTERM");
    assert.equal(await ended, 0, errors());
    assert.deepEqual(state(), before);
    const sample = JSON.parse(readFileSync(output, "utf8")) as Sample;
    const key = sample.keys.indexOf(KEY);
    const counted = sample.minutes.flatMap(({ keys }) => keys).filter((each) => each.key === key);
    assert.equal(sample.rules, "loaded");
    assert.ok(counted.reduce((sum, { events }) => sum + events, 0) >= TOUCHES / 4, JSON.stringify(sample));
  });

  it("leaves nothing in the kernel where it is killed", async () => {
    const before = state();
    const { child, ended } = start(join(folder, "killed.json"));
    await untilLoaded();
    child.kill("SIGKILL");
    await ended;
    await eventually("the guard taking all back", WAIT_MS, () => {
      assert.deepEqual(state(), before);
      return Promise.resolve(true);
    });
  });
});
