/** The CLI's ready questions, asked of what a real kernel recorded while people did what they are about. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { compileFilter, FIELDS } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import { filterOf, LibraryError, QUESTIONS, readyQuestion } from "../cli/src/library/index.ts";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { readTrail } from "../bench/trails/trail.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

interface Recorded {
  /** Values of the parameters. */
  values?: string[];
  /** Logs in which there is an answer, as "rule/log", or trails of hosts. */
  found: string[];
  /** Those in which there is none. */
  notFound: string[];
}

/** What sudo, sshd and the kernel tell of what no log of the rules has, as auditd writes it. */
const LINES: Readonly<Record<string, string>> = {
  sudo: `type=USER_CMD msg=audit(1795000000.120:901): pid=4100 uid=1000 auid=1000 ses=7 msg='cwd="/home/alice" cmd=736574756964 exe="/usr/bin/sudo" terminal=pts/1 res=success'UID="alice" AUID="alice"`,
  login: `type=USER_LOGIN msg=audit(1795000001.120:902): pid=4101 uid=0 auid=1000 ses=8 msg='op=login id=1000 exe="/usr/sbin/sshd" hostname=203.0.113.9 addr=203.0.113.9 terminal=/dev/pts/1 res=success'UID="root" AUID="alice" ID="alice"`,
  crash: `type=ANOM_ABEND msg=audit(1795000002.120:903): auid=1000 uid=1000 gid=1000 ses=8 pid=4102 comm="worker" exe="/opt/app/worker" sig=11 res=1AUID="alice" UID="alice" GID="alice"`,
  clock: `type=SYSCALL msg=audit(1795000003.120:904): arch=c000003e syscall=227 success=yes exit=0 a0=0 a1=7ffd0 a2=0 a3=0 items=0 ppid=1 pid=4103 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=8 comm="date" exe="/usr/bin/date" key="time"ARCH=x86_64 SYSCALL=clock_settime AUID="alice" UID="root" GID="root" EUID="root" SUID="root" FSUID="root" EGID="root" SGID="root" FSGID="root"`,
};

/** Of every question. */
const RECORDED: Readonly<Record<string, Recorded>> = {
  "changed-sudoers": { found: ["sudoers_written/match-1"], notFound: ["sudo_rights_listed/match-1", "web"] },
  "changed-file": {
    values: ["/etc/ld.so.preload"],
    found: ["ld_so_preload_written/match-1"],
    notFound: ["sudoers_written/match-1", "web"],
  },
  "opened-file": {
    values: ["/etc/shadow"],
    found: ["password_hashes_opened_by_program/match-1"],
    notFound: ["sudoers_written/match-1", "login"],
  },
  "did-login": { values: ["alice"], found: ["sudo"], notFound: ["web", "login"] },
  "did-session": { values: ["8"], found: ["clock"], notFound: ["web"] },
  "first-run": { values: ["*/dash"], found: ["account_added/match-1"], notFound: ["login"] },
  "ran-program": { values: ["*/dash"], found: ["account_added/match-1"], notFound: ["login"] },
  "talked-to": { values: ["203.0.113.0/24"], found: ["address_contacted/match-1"], notFound: ["web", "login"] },
  "root-from-tmp": { found: ["program_run_from_temporary_folder/match-1"], notFound: ["web", "login"] },
  "failed-logins": { found: ["login_failed/match-1"], notFound: ["web", "login"] },
  logins: { found: ["login", "admin"], notFound: ["login_failed/match-1", "web"] },
  "sudo-commands": { found: ["sudo"], notFound: ["web", "login"] },
  "changed-accounts": { found: ["admin"], notFound: ["web", "login"] },
  "changed-ssh-keys": { found: ["ssh_authorized_keys_written/match-1"], notFound: ["web", "login"] },
  "changed-cron": { found: ["cron_table_written/match-1"], notFound: ["web", "login"] },
  "changed-services": { found: ["systemd_unit_written/match-1"], notFound: ["web", "login"] },
  "changed-audit": { found: ["audit_configuration_changed_in_kernel/match-1"], notFound: ["web", "login"] },
  "loaded-modules": { found: ["module_inserted_by_unusual_program/match-1"], notFound: ["web", "login"] },
  listening: { found: ["program_in_writable_folder_listens/match-1"], notFound: ["login"] },
  "connections-out": { found: ["many_hosts_contacted_by_one_program/match-1"], notFound: ["login"] },
  "removed-logs": { found: ["log_file_removed_by_program/match-1"], notFound: ["web", "login"] },
  "ran-from-memory": { found: ["program_run_from_memory/match-1"], notFound: ["web", "login"] },
  "changed-time": { found: ["clock"], notFound: ["web", "login"] },
  "crashed-programs": { found: ["crash"], notFound: ["web", "login"] },
  "busiest-programs": { found: ["web"], notFound: [] },
};

function eventsAt(place: string): Event[] {
  const line = LINES[place];
  if (line !== undefined) return eventsOfLog(Buffer.from(line).toString("latin1"));
  const file = `${ROOT}rules/recorded/${place}.log`;
  return existsSync(file) ? eventsOfLog(readFileSync(file, "latin1")) : readTrail(place).slice(0, 2000);
}

function count(place: string, filter: string): number {
  return compileFilter(filter).match(new ColumnBlock(encodeColumns(eventsAt(place)), PLACE)).length;
}

describe("ready questions", () => {
  for (const question of QUESTIONS) {
    it(`${question.name}: ${question.title}`, () => {
      const recorded = RECORDED[question.name];
      assert.ok(recorded, "no recorded activity is named for it");
      const filter = filterOf(question, recorded.values ?? []);
      for (const place of recorded.found) assert.ok(count(place, filter) > 0, `nothing found in ${place} by ${filter}`);
      for (const place of recorded.notFound) assert.equal(count(place, filter), 0, `found in ${place} by ${filter}`);
      if (question.kind === "count") for (const field of question.by) assert.ok(FIELDS.has(field), field);
    });
  }

  it("take just the values that they ask for, whatever is in them", () => {
    assert.equal(
      filterOf(readyQuestion("changed-file"), ['/tmp/a"b\\c*']).startsWith('file.path = "/tmp/a\\"b\\\\c*" AND'),
      true,
    );
    assert.throws(() => filterOf(readyQuestion("changed-file"), []), LibraryError);
    assert.throws(() => filterOf(readyQuestion("logins"), ["x"]), /nothing more/);
    assert.throws(() => readyQuestion("login"), /there is no ready question "login"; there are changed-sudoers/);
  });

  it("have their values from the parameters that they name, and the other way round", () => {
    for (const { name, filter, parameters = [] } of QUESTIONS) {
      const named = new Set(Array.from(filter.matchAll(/\{([a-z]+)\}/g), ([, parameter = ""]) => parameter));
      assert.deepEqual(named, new Set(parameters.map((parameter) => parameter.name)), name);
    }
  });
});
