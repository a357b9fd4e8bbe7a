import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readRules, type RuleCollection } from "../sigma/index.ts";
import { type AuditPlan, auditFor, type AuditRule, checkRules, readAuditRules } from "./index.ts";

const LOGGED_IN = "-F auid>=1000 -F auid!=unset";

function rulesOf(...list: readonly [category: string, detection: string, definition?: string][]): RuleCollection {
  const files = list.map(([category, detection, definition = ""], at) => ({
    path: `${at}.yml`,
    text: `title: rule ${at}\nname: rule_${at}\nlogsource:\n  product: linux\n  ${category === "auditd" ? "service" : "category"}: ${category}\n  definition: |\n    ${definition || "None."}\ndetection:\n  s: ${detection}\n  condition: s\n`,
  }));
  const collection = readRules(files);
  assert.deepEqual(collection.rejected, []);
  return collection;
}

function plan(collection: RuleCollection, ...given: string[]): AuditPlan {
  return auditFor(collection, readAuditRules(given));
}

function linesOf({ lines }: AuditPlan): string[] {
  return lines.map(({ line }) => line);
}

describe("the fewest audit rules", () => {
  const processes: [string, string] = ["process_creation", "{ Image: /bin/x }"];
  const exec = `-a always,exit -F arch=b64 -S execve,execveat ${LOGGED_IN} -k exec`;

  it("leave out what feeds nothing, and what another line makes as well", () => {
    const lines = [
      exec,
      exec.replace("b64", "b32"),
      `-a always,exit -F path=/usr/bin/sudo -F perm=x ${LOGGED_IN} -k privileged`,
      "-a always,exit -F arch=b64 -S mount -k mounts",
      "-w /etc/passwd -p wa -k identity",
      "-D",
    ];
    assert.deepEqual(linesOf(plan(rulesOf(processes), ...lines)), [lines[1], exec]);
  });

  it("keep what sees more, and what each sees alone", () => {
    const all = "-a always,exit -F arch=b64 -S execve,execveat -k all";
    assert.deepEqual(linesOf(plan(rulesOf(processes), exec, all)), [all]);
    const services = "-a always,exit -F arch=b64 -S execve,execveat -F auid=unset -k services";
    assert.deepEqual(linesOf(plan(rulesOf(processes), exec, services)), [exec, services]);
  });

  it("leave out calls that no detection needs, and tell who needs the line", () => {
    const network = rulesOf(["network_connection", "{ DestinationPort: 1 }"], ["network_connection", "{ User: x }"]);
    const [line, ...others] = plan(network, "-a always,exit -F arch=b64 -S socket -S connect,listen -k net").lines;
    assert.deepEqual(others, []);
    assert.equal(line?.line, "-a always,exit -F arch=b64 -S connect -k net");
    assert.deepEqual(line?.leftOut, ["socket", "listen"]);
    assert.deepEqual(
      line?.neededBy.map(({ name }) => name),
      ["rule_0", "rule_1"],
    );
  });

  it("are of the files that detections ask for", () => {
    const passwd = rulesOf(["file_event", "{ TargetFilename: /etc/passwd }"]);
    const [etc, file, read] = ["-w /etc -p wa -k etc", "-w /etc/passwd -p wa -k p", "-w /etc/passwd -p r -k r"];
    assert.deepEqual(linesOf(plan(passwd, file, read)), [file]);
    assert.equal(plan(passwd, etc, file).lines.length, 1);
    const below = rulesOf(["file_event", "{ TargetFilename|startswith: /etc/cron.d/ }"]);
    assert.deepEqual(linesOf(plan(below, "-w /etc/cron.d -p wa -k cron", file)), ["-w /etc/cron.d -p wa -k cron"]);
    // Names that begin so lie beside the folder as well.
    const begins = rulesOf(["file_event", "{ TargetFilename|startswith: /etc/cron }"]);
    assert.deepEqual(linesOf(plan(begins, "-w /etc/cron -p wa -k cron", etc)), [etc]);
  });

  it("are those that a rule's author names, and where there is none, those that it needs", () => {
    const own = "-a always,exit -F arch=b64 -S execve -F auid=unset -k services";
    const named = plan(rulesOf([...processes, own]), exec);
    assert.deepEqual(linesOf(named), [exec, own]);
    assert.deepEqual(
      named.lines.map(({ isNew }) => isNew),
      [false, true],
    );
    assert.deepEqual(
      linesOf(plan(rulesOf(["auditd", "{ type: SYSCALL, SYSCALL: ptrace }"]))),
      ["b32", "b64"].map((arch) => `-a always,exit -F arch=${arch} -S ptrace -k sigma`),
    );
  });

  it("tell of detections that need none, and of those that nothing can feed", () => {
    const { lines, unasked, mute, lowerBound } = plan(
      rulesOf(
        ["auditd", "{ type: USER_LOGIN, res: failed }"],
        ["dns_query", "{ a: b }"],
        ["auditd", "{ type: USER_TTY }"],
      ),
      "-a always,exclude -F msgtype=USER_TTY",
    );
    assert.deepEqual([lines, lowerBound], [[], 0]);
    assert.deepEqual(
      unasked.map(({ name }) => name),
      ["rule_0"],
    );
    assert.deepEqual(
      mute.map(({ rule, why }) => `${rule.name}: ${why.slice(0, 40)}`),
      ["rule_1: no audit events are of category dns_quer", "rule_2: no audit rule can feed it here"],
    );
  });
});

/** What a kernel would ask of a call. */
interface Call {
  arch: string;
  call: string;
  path: string;
  isWriting: boolean;
  auid: number;
  uid: number;
}

/** As the kernel decides it, line by line. */
function sees(rule: AuditRule, { arch, call, path, isWriting, auid, uid }: Call): boolean {
  const isOpening = call.startsWith("open");
  const ids: Record<string, number> = { auid, uid };
  return (
    (rule.arch === "" || rule.arch === arch) &&
    (rule.calls === undefined || rule.calls.has(call)) &&
    (rule.path === undefined || path === rule.path || (rule.isFolder && path.startsWith(`${rule.path}/`))) &&
    (!isOpening || (isWriting ? rule.seesWriting : rule.seesReading)) &&
    rule.filters.every((filter) => {
      const [, name = "", operator, text = ""] = /^(auid|uid)(>=|!=|=)(.*)$/.exec(filter) ?? assert.fail(filter);
      const [id = 0, other] = [ids[name], text === "unset" ? 4294967295 : Number(text)];
      return operator === ">=" ? id >= other : operator === "=" ? id === other : id !== other;
    })
  );
}

const PATHS = ["/etc/passwd", "/etc/cron.d/x", "/etc/cron", "/opt/y", "/usr/bin/sudo"];
const CALLS = ["execve", "execveat", "openat", "rename", "unlink", "connect", "ptrace"];
const filters = fc.subarray(["-F auid>=1000", "-F auid!=unset", "-F auid=0", "-F uid=0", "-F auid>=500"], {
  maxLength: 2,
});
const place = fc.constantFrom("", "-F path=/etc/passwd", "-F dir=/etc/cron.d", "-F dir=/etc", "-F path=/usr/bin/sudo");
const arch = fc.constantFrom("-F arch=b64", "-F arch=b32", "");
const callLine = fc
  .tuple(arch, fc.subarray(CALLS, { minLength: 1 }), place, filters)
  .map(
    ([bits, calls, where, list]) => `-a always,exit ${bits} -S ${calls.join(",")} ${where} ${list.join(" ")} -k calls`,
  );
const watch = fc
  .tuple(
    fc.constantFrom("/etc", "/etc/passwd", "/etc/cron.d", "/usr/bin/sudo"),
    fc.constantFrom("wa", "r", "x", "rwxa"),
  )
  .map(([path, permissions]) => `-w ${path} -p ${permissions} -k watch`);
const detection = fc.constantFrom<[string, string]>(
  ["process_creation", "{ Image: /bin/x }"],
  ["file_event", "{ TargetFilename: /etc/passwd }"],
  ["file_event", "{ TargetFilename|startswith: /etc/cron.d/ }"],
  ["file_event", "{ TargetFilename|startswith: /etc/c }"],
  ["file_event", "{ Image: x }"],
  ["file_access", "{ TargetFilename: /etc/passwd }"],
  ["file_delete", "{ TargetFilename|endswith: x }"],
  ["network_connection", "{ DestinationPort: 1 }"],
  ["auditd", "{ type: SYSCALL, SYSCALL: ptrace }"],
  ["auditd", "{ key: watch }"],
);
const call: fc.Arbitrary<Call> = fc.record({
  arch: fc.constantFrom("b64", "b32"),
  call: fc.constantFrom(...CALLS),
  path: fc.constantFrom(...PATHS),
  isWriting: fc.boolean(),
  auid: fc.constantFrom(0, 500, 1000, 4294967295),
  uid: fc.constantFrom(0, 33),
});

describe("nothing is lost with the fewest audit rules", () => {
  const question = fc.record({
    lines: fc.array(fc.oneof(callLine, watch), { minLength: 1, maxLength: 8 }),
    detections: fc.array(detection, { minLength: 1, maxLength: 4 }),
    calls: fc.array(call, { minLength: 20, maxLength: 40 }),
  });

  it("of what rules can tell: each that fires with all lines fires with these", () => {
    fc.assert(
      fc.property(question, ({ lines, detections }) => {
        const collection = rulesOf(...detections);
        const few = plan(collection, ...lines);
        assert.equal(few.lowerBound, few.lines.length);
        const before = checkRules(collection, readAuditRules(lines));
        const after = checkRules(collection, readAuditRules(linesOf(few)));
        for (const [at, { result }] of before.entries())
          if (result === "fires here") assert.equal(after[at]?.result, result);
      }),
      { numRuns: 400 },
    );
  });

  it("of what a kernel makes for a rule by any of the lines", () => {
    let seen = 0;
    fc.assert(
      fc.property(question, ({ lines, detections, calls }) => {
        const given = readAuditRules(lines);
        for (const each of detections) {
          const collection = rulesOf(each);
          const [check] = checkRules(collection, given);
          const feeders = given.rules.filter(({ source }) => check?.fedBy.includes(source));
          const chosen = readAuditRules(linesOf(auditFor(collection, given))).rules;
          for (const one of calls.filter((made) => isAskedFor(each, made))) {
            if (!feeders.some((rule) => sees(rule, one))) continue;
            seen++;
            assert.ok(
              chosen.some((rule) => sees(rule, one)),
              `${each.join(" ")}: ${JSON.stringify(one)}\n${lines.join("\n")}\n→ ${chosen.map(({ source }) => source).join("\n")}`,
            );
          }
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(seen > 500, String(seen));
  });
});

/** Whether the detections above could match what such a call tells. */
function isAskedFor([category, asked]: readonly [string, string], { call: name, path, isWriting }: Call): boolean {
  const isFile = asked.includes("TargetFilename: /etc/passwd")
    ? path === "/etc/passwd"
    : asked.includes("startswith: /etc/cron.d/")
      ? path.startsWith("/etc/cron.d/")
      : asked.includes("startswith: /etc/c")
        ? path.startsWith("/etc/c")
        : true;
  switch (category) {
    case "process_creation":
      return name.startsWith("exec");
    case "file_event":
      return isFile && (name === "rename" || (name === "openat" && isWriting));
    case "file_access":
      return isFile && name === "openat" && !isWriting;
    case "file_delete":
      return name === "unlink";
    case "network_connection":
      return name === "connect";
    default:
      return asked.includes("ptrace") ? name === "ptrace" : true;
  }
}
