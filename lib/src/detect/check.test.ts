import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRules } from "../sigma/index.ts";
import { checkRules, readAuditRules, type RuleCheck } from "./index.ts";

const AUDIT = `
# programs of people
-a always,exit -F arch=b64 -S execve,execveat -F auid>=1000 -k exec
-w /etc/sudoers.d -p wa -k sudoers
-a always,exit -F arch=b64 -F path=/etc/shadow -F perm=r -F key=shadow
-a always,exit -S connect -F success=0 -k failed
-a never,exit -F exe=/usr/bin/true
-D
-a always,exclude -F msgtype=USER_TTY
`;

function check(detection: string, logsource: string, audit = AUDIT): RuleCheck {
  const text = `title: t\nlogsource: ${logsource}\ndetection:\n  s: ${detection}\n  condition: s\n`;
  const checks = checkRules(readRules([{ path: "x.yml", text }]), readAuditRules([audit]));
  assert.equal(checks.length, 1);
  return checks[0] as RuleCheck;
}

const PROCESS = "{ product: linux, category: process_creation }";
const FILE = "{ product: linux, category: file_event }";
const NETWORK = "{ product: linux, category: network_connection }";
const AUDITD = "{ product: linux, service: auditd }";

const CASES: [detection: string, logsource: string, result: string, says: RegExp][] = [
  ["{ Image: /bin/x }", PROCESS, "fires here", /execve/],
  ["{ TargetFilename: /etc/sudoers.d/x }", FILE, "fires here", /sudoers/],
  ["{ TargetFilename|startswith: /etc/sudoers.d/ }", FILE, "fires here", /sudoers/],
  ["{ TargetFilename|startswith: /etc/su }", FILE, "fires here", /sudoers/],
  ["{ TargetFilename|endswith: .conf }", FILE, "fires here", /sudoers/],
  [
    "{ TargetFilename: /etc/cron.d/x }",
    FILE,
    "cannot fire here",
    /no audit rule is about the files.*-F path=\/etc\/cron\.d\/x -F perm=wa/s,
  ],
  ["{ TargetFilename|startswith: /opt/a/ }", FILE, "cannot fire here", /-F dir=\/opt\/a -F perm=wa/],
  ["{ TargetFilename: /etc/shadow }", "{ product: linux, category: file_access }", "fires here", /perm=r/],
  [
    "{ TargetFilename: /etc/sudoers.d/x }",
    "{ product: linux, category: file_access }",
    "cannot fire here",
    /path=\/etc\/sudoers\.d\/x -F perm=r/,
  ],
  [
    "{ DestinationPort: 4444 }",
    NETWORK,
    "cannot fire here",
    /no audit rule is about connect.*-S connect,accept,accept4/s,
  ],
  [
    "{ DestinationHostname: x }",
    NETWORK,
    "cannot fire here",
    /DestinationHostname is never there: the kernel connects to addresses/,
  ],
  [
    "{ Imgae: x }",
    PROCESS,
    "cannot fire here",
    /no event of category process_creation has a field of this name \(is it "Image"\?\)/,
  ],
  ["{ a0: x }", PROCESS, "cannot fire here", /it is one of audit records, for service: auditd/],
  ["{ type: EXECVE, a0: x }", AUDITD, "fires here", /execve/],
  ["{ type: EXECVE, name: x }", AUDITD, "cannot fire here", /no record has all of the fields/],
  ["{ type: SYSCALL, SYSCALL: ptrace }", AUDITD, "cannot fire here", /no audit rule is about ptrace.*-S ptrace/s],
  ["{ type: EXECVE, SYSCALL: execve }", AUDITD, "cannot fire here", /no record has all of the fields/],
  ["{ key: sudoers }", AUDITD, "fires here", /sudoers/],
  ["{ key: nobody }", AUDITD, "cannot fire here", /no audit rule has the key.*-k nobody/s],
  ["{ type: PATH, name: /etc/shadow }", AUDITD, "fires here", /path=\/etc\/shadow/],
  ["{ type: PATH, name: /etc/gshadow }", AUDITD, "cannot fire here", /no audit rule is about the files/],
  ["{ type: USER_LOGIN, res: failed }", AUDITD, "fires here", /^$/],
  ["{ type: USER_TTY, data: x }", AUDITD, "cannot fire here", /records of type USER_TTY are excluded/],
  ["{ acct: root, op: PAM:authentication }", AUDITD, "fires here", /^$/],
  // What the agent tells of itself no audit rule makes.
  ["{ event.action: stopped-agent }", AUDITD, "fires here", /^$/],
  ["{ event.action: [reported-ledger, missed-source-data], kernelLost|gt: 0 }", AUDITD, "fires here", /^$/],
  ["{ event.action: [stopped-agent, mounted] }", AUDITD, "fires here", /execve/],
  [
    "{ procss.name: x }",
    AUDITD,
    "cannot fire here",
    /procss.name is never there: no field is called that \(is it "process.name"\?\)/,
  ],
  ["[word]", "{ product: linux, service: sshd }", "cannot fire here", /service sshd is a log of its own/],
  ["{ Image: x }", "{ product: windows, category: process_creation }", "cannot fire here", /product windows/],
  [
    "{ Image: x }",
    "{ product: linux, category: dns_query }",
    "cannot fire here",
    /no audit events are of category dns_query/,
  ],
  ["{ CommandLine|re: 'a(?!b)' }", PROCESS, "not compiled", /no look-ahead/],
  ["{ DestinationIp|cidr: 10.0.0.1/8 }", NETWORK, "not compiled", /is no network: the network is 10\.0\.0\.0\/8/],
];

describe("the check of rules", () => {
  for (const [detection, logsource, result, says] of CASES) {
    it(`${detection} of ${logsource} ${result}`, () => {
      const checked = check(detection, logsource);
      assert.equal(checked.result, result, JSON.stringify(checked));
      assert.match([...checked.reasons, ...checked.missing, ...checked.fedBy].join("\n"), says);
    });
  }

  it("says where its audit rules see only users who have logged in", () => {
    const exec = (filters: string): string => `-a always,exit -F arch=b64 -S execve,execveat ${filters} -k exec`;
    const [loggedIn, all] = [exec("-F auid>=1000 -F auid!=unset"), exec("")];
    const only = /only for users who have logged in/;
    const reasons = (...audit: string[]): string => check("{ Image: x }", PROCESS, audit.join("\n")).reasons.join();
    assert.match(reasons(loggedIn), only);
    assert.match(reasons(exec("-F auid=0")), only);
    assert.match(reasons(loggedIn, exec("-C uid!=euid")), /only in part where nobody has logged in/);
    for (const audit of [[loggedIn, all], [all], [loggedIn, exec("-F auid!=unset"), all]])
      assert.doesNotMatch(reasons(...audit), /logged in/);
    // The number of nobody is a large one.
    assert.doesNotMatch(reasons(exec("-F auid>=1000")), only);
    assert.doesNotMatch(reasons(exec("-F auid=unset")), only);
    for (const unset of ["user.audit.id: 4294967295", "user.audit.name: unset"]) {
      const asking = `{ Image: x, ${unset} }`;
      assert.equal(check(asking, PROCESS, loggedIn).result, "cannot fire here");
      assert.equal(check(asking, PROCESS, all).result, "fires here");
    }
  });

  it("does not take reading of a file for its change", () => {
    const read = "-w /etc/shadow -p r -k shadow";
    assert.equal(check("{ TargetFilename: /etc/shadow }", FILE, read).result, "cannot fire here");
    assert.equal(check("{ TargetFilename: /etc/shadow }", FILE, "-w /etc/shadow -p wa -k x").result, "fires here");
  });

  it("says where lines are missing that the rule's author names", () => {
    const services = "-a always,exit -F arch=b64 -S execve,execveat -F uid>=1 -F auid=unset -k service-exec";
    const logsource = `\n  product: linux\n  category: process_creation\n  definition: |\n    ${services}`;
    const loggedIn = "-a always,exit -S execve,execveat -F auid>=1000 -F auid!=unset -k exec";
    const lacking = check("{ Image: x }", logsource, loggedIn);
    assert.equal(lacking.result, "fires here");
    assert.match(lacking.reasons.join(), /not all audit rules are there that its author names/);
    assert.deepEqual(lacking.missing, [services]);
    for (const line of [
      services,
      services.replace("-k service-exec", ""),
      "-a always,exit -S execve,execveat -F auid>=1000",
    ])
      assert.deepEqual(check("{ Image: x }", logsource, line).missing, [], line);
    const fewer = "-a always,exit -F arch=b64 -S execve -k x";
    assert.deepEqual(check("{ Image: x }", logsource, fewer).missing, [services]);
  });

  it("knows that a field which is never there may be asked for under a not", () => {
    const text = `title: t\nlogsource: ${NETWORK}\ndetection:\n  s: { DestinationPort: 1 }\n  f: { DestinationHostname: x }\n  condition: s and not f\n`;
    const [checked] = checkRules(
      readRules([{ path: "x.yml", text }]),
      readAuditRules(["-a always,exit -S connect -k c"]),
    );
    assert.equal(checked?.result, "fires here");
    assert.match(checked?.reasons.join() ?? "", /DestinationHostname is never there/);
  });

  it("gives the lines that the rule's own definition asks for", () => {
    const logsource =
      "\n  product: linux\n  service: auditd\n  definition: |\n    Needs:\n    -w /usr/bin/wget -p x -k tools";
    assert.deepEqual(check("{ key: tools }", logsource).missing, ["-w /usr/bin/wget -p x -k tools"]);
  });

  it("tells of correlations by the rules that they stand on", () => {
    const rule = (name: string, port: string): string =>
      `title: ${name}\nname: ${name}\nlogsource: ${PROCESS}\ndetection:\n  s: { ${port} }\n  condition: s\n`;
    const both = (type: string): string =>
      `title: c\ncorrelation:\n  type: ${type}\n  rules: [a, b]\n  timespan: 1m\n  condition: { gte: 2 }\n`;
    const resultOf = (type: string): string | undefined =>
      checkRules(
        readRules([
          { path: "x.yml", text: [rule("a", "Image: x"), rule("b", "Nothing: x"), both(type)].join("---\n") },
        ]),
        readAuditRules([AUDIT]),
      ).at(-1)?.result;
    assert.equal(resultOf("event_count"), "fires here");
    assert.equal(resultOf("temporal"), "cannot fire here");
  });

  it("names what was not compiled with its file and line, and leaves nothing out", () => {
    const text = `title: ok\nlogsource: ${PROCESS}\ndetection:\n  s: { Image: x }\n  condition: s\n---\ntitle: broken\ndetection: []\n`;
    const checks = checkRules(
      readRules([
        { path: "x.yml", text },
        { path: "y.yml", text: "{" },
      ]),
      readAuditRules([AUDIT]),
    );
    assert.deepEqual(
      checks.map(({ file, line, title, result }) => `${file}:${line} ${title} ${result}`),
      ["x.yml:1 ok fires here", "x.yml:7 broken not compiled", "y.yml:1  not compiled"],
    );
  });
});
