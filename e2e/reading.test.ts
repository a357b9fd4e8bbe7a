/** What programs in user space and security modules wrote, from a log through everything to what the CLI shows. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { eventually, openStack, queryClient, search } from "./environment.ts";

const hex = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();
const SECONDS = Math.floor(Date.now() / 1000) - 60;

const RECORDS: readonly (readonly string[])[] = [
  [
    `USER_LOGIN pid=900 uid=0 auid=54321 ses=3 msg='op=login id=54321 exe="/usr/sbin/sshd" hostname=203.0.113.9 addr=::FFFF:203.0.113.9 terminal=/dev/pts/0 res=success'`,
  ],
  [
    `USER_LOGIN pid=901 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct="mallory" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.10 terminal=ssh res=failed'`,
  ],
  [
    `USER_CMD pid=902 uid=54321 auid=54321 ses=3 msg='cwd="/srv" cmd=${hex("rm -rf /srv/old files")} exe="/usr/bin/sudo" terminal=pts/0 res=success'`,
  ],
  [`TTY tty pid=903 uid=0 auid=54321 ses=3 major=136 minor=0 comm="bash" data=${hex("cat /etc/shadow\r")}`],
  [
    `SERVICE_START pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=cafe comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'`,
  ],
  [
    `AVC apparmor="DENIED" operation="open" profile="/usr/sbin/cupsd" name="/etc/shadow" pid=904 comm="cupsd" requested_mask="r" denied_mask="r" fsuid=0 ouid=0`,
  ],
  [
    `SYSCALL arch=c000003e syscall=59 success=no exit=-13 a0=1 a1=2 a2=3 a3=4 items=1 ppid=1 pid=905 auid=54321 uid=54321 gid=54321 euid=54321 suid=54321 fsuid=54321 egid=54321 sgid=54321 fsgid=54321 tty=pts0 ses=3 comm="bash" exe="/usr/bin/bash" key="exec"`,
    `CWD cwd="/home/alice"`,
    `PATH item=0 name="./tool" inode=77 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
    `PROCTITLE proctitle="bash"`,
  ],
];

function logLines(): string {
  return RECORDS.flatMap((records, at) =>
    records.map((record) => {
      const space = record.indexOf(" ");
      return `type=${record.slice(0, space)} msg=audit(${SECONDS}.${100 + at}:${100 + at}): ${record.slice(space + 1)}\n`;
    }),
  ).join("");
}

let stack: Awaited<ReturnType<typeof openStack>>;

before(async () => {
  stack = await openStack();
  const log = join(dirname(stack.agentConfigFile), "audit.log");
  writeFileSync(log, logLines());
  const config = readFileSync(stack.agentConfigFile, "utf8");
  writeFileSync(stack.agentConfigFile, `${config}source:\n  mode: file\n  path: ${log}\n`);
  await stack.startServices();
  await stack.startCollector();
  stack.startAgent();
  const client = queryClient(stack);
  try {
    await eventually("the log's arrival", 60_000, async () => {
      const { events } = await search(client, { filter: "audit.key = exec" });
      return (events.length === 1 && !stack.agent.running) || undefined;
    });
  } finally {
    client.close();
  }
});
after(() => stack[Symbol.asyncDispose]());

/** The one line that the CLI shows for a filter. */
function lineOf(filter: string): string {
  const [, line = "", ...more] = stack.hosttrail("search", filter).trimEnd().split("\n");
  assert.deepEqual(more, [], filter);
  return line;
}

function jsonOf(filter: string): { id: string; audit: Record<string, unknown> } {
  return JSON.parse(stack.hosttrail("search", filter, "--json")) as { id: string; audit: Record<string, unknown> };
}

describe("the CLI on what records say", () => {
  it("shows who logged in, and the address in one form, however it is asked for", () => {
    for (const address of ["203.0.113.9", "::ffff:203.0.113.9", "203.0.113.8/31"]) {
      const line = lineOf(`source.ip = ${address} AND event.outcome = success`);
      assert.match(line, / 54321 +\S*\[900\] +logged-in +54321 from 203\.0\.113\.9 +success /);
    }
  });

  it("shows whom a login that failed named", () => {
    const line = lineOf("event.action = logged-in AND event.outcome = failure AND user.audit.id = unset");
    assert.match(line, / mallory +\S*\[901\] +logged-in +mallory from 203\.0\.113\.10 +failure /);
  });

  it("finds and shows what sudo ran", () => {
    for (const filter of ['audit.cmd = "rm -rf /srv/old files"', 'audit.cmd : "rm -rf"', "audit.exe = /usr/bin/sudo"]) {
      assert.match(lineOf(filter), / ran-command +rm -rf \/srv\/old files +success /);
    }
    const { id, audit } = jsonOf('audit.cmd : "old files"');
    assert.equal(audit["cmd"], "rm -rf /srv/old files");
    assert.equal(audit["terminal"], "pts/0");
    const shown = stack.hosttrail("get", id);
    assert.match(shown, /"cmd": "rm -rf \/srv\/old files"/);
    assert.match(shown, /"text": "'cwd=\\"\/srv\\" cmd=\\"rm -rf \/srv\/old files\\" exe=/);
    assert.match(stack.hosttrail("get", id, "--raw"), /cmd=726D202D7266/, "as the kernel wrote it");
  });

  it("finds and shows what was typed", () => {
    assert.match(lineOf("audit.data : /etc/shadow"), / typed +cat \/etc\/shadow\\x0d +/);
    assert.equal(jsonOf("audit.data : shadow").audit["data"], "cat /etc/shadow\r");
  });

  it("finds and shows a unit, and what a security module refused", () => {
    assert.match(lineOf("audit.unit = cafe"), / started-service +cafe +success /);
    const { audit } = jsonOf("audit.profile = /usr/sbin/cupsd AND audit.requested = r");
    assert.deepEqual([audit["op"], audit["profile"]], ["open", "/usr/sbin/cupsd"]);
  });

  it("shows what could not be executed", () => {
    assert.match(lineOf("audit.exit = EACCES"), / executed +\/home\/alice\/tool +failure /);
  });
});
