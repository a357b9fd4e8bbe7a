/** What the compiler of rules says, against what this kernel says: every list, field and operator. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { KernelAudit, whyNoAudit } from "../src/kernel/index.ts";
import { compileRules, type CompiledRule } from "../src/rules/compile.ts";
import { FIELDS, LISTS, OPERATORS } from "../src/rules/fields.ts";
import { AUDIT_ADD_RULE, AUDIT_DEL_RULE, withoutPlace } from "../src/rules/index.ts";

const missing = whyNoAudit();

/** A value that the field may have; 1 for all others. */
const VALUES: Readonly<Record<string, string>> = {
  path: "/etc/passwd",
  dir: "/etc",
  exe: "/bin/sh",
  arch: "b64",
  msgtype: "SYSCALL",
  perm: "w",
  filetype: "file",
};

describe("traps: rules against the kernel", { skip: missing ?? false }, () => {
  const kernel = missing === undefined ? new KernelAudit() : undefined;
  const loaded: CompiledRule[] = [];
  const host = {
    arch: process.arch === "arm64" ? "aarch64" : "x86_64",
    userId: () => 0,
    groupId: () => 0,
    isDirectory: () => true,
  } as const;

  function remove(rule: CompiledRule): void {
    kernel?.request(AUDIT_DEL_RULE, withoutPlace(rule.payload));
    loaded.splice(loaded.indexOf(rule), 1);
  }

  /** What the kernel says of a rule, which is taken out again. */
  function verdict(rule: CompiledRule): string {
    try {
      kernel?.request(AUDIT_ADD_RULE, rule.payload);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
    loaded.push(rule);
    remove(rule);
    return "taken";
  }

  after(() => {
    while (loaded[0] !== undefined) remove(loaded[0]);
  });

  it("the kernel takes every combination of list, field and operator that compiles", () => {
    let taken = 0;
    const wrong: string[] = [];
    for (const list of Object.keys(LISTS)) {
      for (const [name, { kind }] of Object.entries(FIELDS)) {
        for (const [operator] of OPERATORS) {
          const value = VALUES[name] ?? (kind === "text" ? "x" : "1");
          const line = `-a never,${list} -F ${name}${operator}${value}`;
          const [rule] = compileRules(line, "all.rules", host).rules;
          if (rule === undefined) continue;
          const said = verdict(rule);
          if (said === "taken") taken++;
          else wrong.push(`${line}: ${said}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(taken > 400, `${taken} combinations`);
  });

  it("the kernel takes what stands at a bound, and operations of io_uring", () => {
    const lines = [
      `-a never,exit -F auid!=unset -k ${"k".repeat(128)} -k ${"l".repeat(127)}`,
      "-a never,exit -F auid=-1",
      "-a never,exit -F a2&0100 -F a2&=0x40 -F a3=-1",
      "-a never,exit -F exit=-0x80000000",
      "-a never,exit -F dir=/etc/ -F perm=r -F perm=w",
      "-a never,io_uring -S openat,64 -F uid=0 -k u",
      "-a never,io_uring -S all -C uid!=euid",
      "-a never,filesystem -F fstype!=tracefs -k shm",
    ];
    for (const line of lines) {
      const { rules, errors } = compileRules(line, "bounds.rules", host);
      assert.deepEqual(errors, [], line);
      assert.deepEqual(rules.map(verdict), ["taken"], line);
    }
  });
});
