import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { errnoOf, KernelAudit, whyNoAudit } from "./index.ts";

const ADD_RULE = 1011;
const RULE_BYTES = 1040;
/** AUDIT_EXE, and a field that there is none of: the kernel looks the path up, and then refuses the rule whatever it is. */
const FIELDS = [112, 999_999] as const;

/** A rule that no kernel takes, about an executable. Source: struct audit_rule_data in include/uapi/linux/audit.h. */
function refusedRule(path: string): Buffer {
  const text = Buffer.from(path);
  const rule = Buffer.alloc(RULE_BYTES + text.length);
  const put = (at: number, value: number): void => void rule.writeUInt32LE(value, at * 4);
  // The list of exits, always, two fields, all calls.
  put(0, 4);
  put(1, 2);
  put(2, FIELDS.length);
  for (let word = 0; word < 64; word++) put(3 + word, 0xffffffff);
  for (const [at, field] of FIELDS.entries()) {
    put(67 + at, field);
    put(67 + 64 + at, at === 0 ? text.length : 0);
    put(67 + 128 + at, 0x40000000);
  }
  put(67 + 192, text.length);
  text.copy(rule, RULE_BYTES);
  return rule;
}

const missing = whyNoAudit();

describe("requests to the kernel from another root", { skip: missing ?? false }, () => {
  const root = mkdtempSync(join(tmpdir(), "hosttrail-root-"));
  mkdirSync(join(root, "only-there"));
  after(() => rmSync(root, { recursive: true }));

  const refusal = (kernel: KernelAudit, path: string): string | undefined => {
    try {
      kernel.request(ADD_RULE, refusedRule(path));
    } catch (error) {
      return errnoOf(error);
    }
    throw new Error("the kernel took a rule that it must not take");
  };

  it("have their paths looked up there, and this process keeps its own", () => {
    const before = readlinkSync("/proc/self/root");
    const here = new KernelAudit();
    const there = new KernelAudit(root);
    // The path is found, and the field after it is refused; or not even that.
    assert.equal(refusal(there, "/only-there/program"), "EINVAL");
    assert.equal(refusal(here, "/only-there/program"), "ENOENT");
    assert.equal(refusal(there, `${root}/only-there/program`), "ENOENT");
    assert.equal(refusal(here, `${root}/only-there/program`), "EINVAL");
    assert.equal(readlinkSync("/proc/self/root"), before);
  });

  it("reach another mount namespace by the root of a process in it, as a container reaches its host by /proc/1/root", async () => {
    const script = 'mount -t tmpfs tmpfs "$1" && mkdir "$1/only-there-too" && echo ready && exec sleep 60';
    const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", root], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      const there = new KernelAudit(`/proc/${child.pid}/root`);
      assert.equal(refusal(there, `${root}/only-there-too/program`), "EINVAL");
      assert.equal(refusal(new KernelAudit(), `${root}/only-there-too/program`), "ENOENT");
    } finally {
      child.kill();
    }
  });

  it("say so where there is no such root", () => {
    assert.equal(refusal(new KernelAudit(join(root, "none")), "/etc/passwd"), "ENOENT");
  });

  it("go on for as long as there are rules", () => {
    const there = new KernelAudit(root);
    for (let at = 0; at < 500; at++) assert.equal(refusal(there, "/only-there/program"), "EINVAL");
  });
});
