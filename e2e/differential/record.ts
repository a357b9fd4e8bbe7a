/** Records this kernel's audit events into a log while a workload runs. Needs root; leaves nothing behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelAudit } from "@hosttrail/agent/kernel";
import { KernelHold, readRules } from "@hosttrail/agent/rules";
import { formatLogLine, openSource } from "@hosttrail/agent/source";

const MIB = 1024 * 1024;
const OPTIONS = { path: "", receiveBufferBytes: 64 * MIB, ringBytes: 256 * MIB, ringPath: "", bootId: "" } as const;

/** Messages of user space as login programs send them: the kernel takes them from whoever may write to audit. */
const MESSAGES: readonly [number, string][] = [
  [1112, 'op=login acct="o\'brien" exe="/usr/sbin/sshd" hostname=10.0.0.7 addr=10.0.0.7 terminal=sshd res=failed'],
  [1112, 'op=login acct=6120622063 exe="/usr/sbin/sshd" hostname=? addr=2001:db8::1 terminal=ssh res=success'],
  [
    1100,
    'op=PAM:authentication grantors=pam_unix acct="root" exe="/usr/sbin/sshd" hostname=10.0.0.7 addr=10.0.0.7 terminal=ssh res=success',
  ],
  [
    1105,
    'op=PAM:session_open grantors=pam_unix acct="root" exe="/usr/sbin/sshd" hostname=10.0.0.7 addr=10.0.0.7 terminal=ssh res=success',
  ],
  [
    1106,
    'op=PAM:session_close grantors=pam_unix acct="root" exe="/usr/sbin/sshd" hostname=10.0.0.7 addr=10.0.0.7 terminal=ssh res=success',
  ],
  [1113, 'op=logout id=0 exe="/usr/sbin/sshd" hostname=? addr=? terminal=/dev/pts/0 res=success'],
  [1123, 'cwd="/root" cmd=636174202F6574632F736861646F77 exe="/usr/bin/sudo" terminal=pts/0 res=failed'],
  [1130, 'unit=cron comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'],
  [1131, 'unit=cron comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'],
];

/** Runs the command again and again until so many events are recorded, `turnsMax` times at most. Returns events and losses. */
export async function record(
  log: string,
  rulesFile: string,
  command: readonly string[],
  eventsMin: number,
  turnsMax: number,
): Promise<{ events: number; lost: number }> {
  const state = mkdtempSync(join(tmpdir(), "hosttrail-record-"));
  const kernel = new KernelAudit();
  const hold = new KernelHold(kernel, state);
  const lostBefore = kernel.status().lost;
  const output = createWriteStream(log);
  const serials = new Set<number>();
  const source = openSource({ ...OPTIONS, mode: "unicast" }, (record) => {
    serials.add(record.serial);
    output.write(`${formatLogLine(record)}\n`, "latin1");
  });
  try {
    hold.applySettings({ enabled: 1, backlogLimit: 65_536, backlogWaitTime: 60_000 });
    const { rules, errors } = readRules({ files: [rulesFile], directory: "", ownPid: process.pid });
    for (const { file, line, reason } of errors) throw new Error(`${file}:${line}: ${reason}`);
    hold.applyRules(rules);
    for (const [type, text] of MESSAGES) kernel.request(type, Buffer.from(`${text}\0`));
    for (let turn = 0; turn < turnsMax && serials.size < eventsMin; turn++) {
      const [program = "", ...words] = command;
      await once(spawn(program, words, { stdio: "ignore" }), "close");
    }
  } finally {
    hold.releaseRules();
    await sleep(500);
    await source.close(true);
    hold.release();
    rmSync(state, { recursive: true });
  }
  output.end();
  await once(output, "close");
  return { events: serials.size, lost: kernel.status().lost - lostBefore };
}
