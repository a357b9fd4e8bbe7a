/** `redact.arguments: none`, on whole records: of what people and programs were told to do, nothing but the program's name is kept. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { condenseRecords, quote, recordText } from "@hosttrail/lib/audit";
import fc from "fast-check";
import { decode } from "../decode/index.ts";
import type { RecordGroup } from "../model/index.ts";
import { parseLogLine } from "../source/index.ts";
import { Redactor } from "./index.ts";

const HARMLESS = "zebra-17";
const SYSCALL =
  'type=SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=1 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm="tar" exe="/bin/tar" key=(null)';
const hex = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();

interface Kept {
  /** All that the event says, with its records as they would be given back. */
  all: string;
  args: readonly string[];
  count: number;
}

function keep(enabled: boolean, ...lines: string[]): Kept {
  const records = lines.map((line) => {
    const record = parseLogLine(line.replace(" ", " msg=audit(1.000:1): "));
    assert.ok(record !== undefined, line);
    return record;
  });
  const group: RecordGroup = { node: "", seconds: 1, milliseconds: 0, serial: 1, records, partial: "" };
  const redactor = new Redactor({ enabled, arguments: "none", patterns: [], key: Buffer.alloc(32, 1) });
  const { event, words } = decode(group, (found, args) => redactor.records(found, args));
  if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
  const json = JSON.stringify(event, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  const texts = records.map((_, index) => recordText(event, index)).join("\n");
  return {
    all: `${json}\n${texts}`,
    args: event.process?.args ?? [],
    count: redactor.count,
  };
}

function nothingOf(text: string, { all }: Kept): void {
  assert.ok(!all.includes(text), all);
  assert.ok(!all.toUpperCase().includes(hex(text)), all);
}

// Whether secrets are looked for is another matter.
for (const enabled of [true, false]) {
  describe(`an event without arguments, ${enabled ? "secrets looked for" : "nothing looked for"}`, () => {
    it("has the program and how many arguments it was given: EXECVE and PROCTITLE", () => {
      const kept = keep(
        enabled,
        SYSCALL,
        `type=EXECVE argc=3 a0="tar" a1="-cf" a2="${HARMLESS}"`,
        `type=PROCTITLE proctitle=${hex(`tar\0-cf\0${HARMLESS}`)}`,
      );
      nothingOf(HARMLESS, kept);
      nothingOf("-cf", kept);
      assert.deepEqual(kept.args, ["tar", "[omitted]", "[omitted]"]);
      assert.ok(kept.count >= 2);
    });

    it("has nothing of an argument in fragments, and of a list in several records", () => {
      const long = quote(`${HARMLESS} ${"é".repeat(5000)}`);
      const kept = keep(
        enabled,
        SYSCALL,
        `type=EXECVE argc=3 a0="sh" a1="-c" a2_len=${long.length} a2[0]=${long.slice(0, 7000)}`,
        `type=EXECVE  a2[1]=${long.slice(7000)}`,
      );
      nothingOf(HARMLESS, kept);
      nothingOf("éé", kept);
      assert.deepEqual(kept.args, ["sh", "[omitted]", "[omitted]"]);
    });

    it("has nothing of a title that a program gave itself but its first word", () => {
      const kept = keep(enabled, SYSCALL, `type=PROCTITLE proctitle=${hex(`sshd: ${HARMLESS} [priv]`)}`);
      nothingOf(HARMLESS, kept);
    });

    it("has nothing of sudo's command but the program, wherever its fields stand", () => {
      const commands = [hex(`/usr/bin/cat ${HARMLESS}`), `"A=${HARMLESS}"`, hex(`A=${HARMLESS} make install`)];
      for (const command of commands) {
        const inside = `msg='cwd="/" cmd=${command} exe="/usr/bin/sudo" terminal=pts/0 res=success'`;
        nothingOf(HARMLESS, keep(enabled, `type=USER_CMD pid=1 uid=0 auid=0 ses=1 ${inside}`));
        nothingOf(HARMLESS, keep(enabled, `type=USER_CMD pid=1 uid=0 auid=0 ses=1 cmd=${command}`));
      }
      const program = `type=USER_CMD pid=1 uid=0 auid=0 ses=1 cmd=${hex(`/usr/bin/cat ${HARMLESS}`)}`;
      assert.ok(keep(enabled, program).all.includes(hex("/usr/bin/cat [omitted]")));
    });

    it("has nothing of what people type, not its first word either", () => {
      for (const line of [
        `type=TTY tty pid=1 uid=0 auid=0 ses=1 major=136 minor=0 comm="bash" data=${hex(`${HARMLESS} x\r`)}`,
        `type=USER_TTY pid=1 uid=0 auid=0 ses=1 subj=x data=${hex(`${HARMLESS}\r`)}`,
        `type=USER_TTY pid=1 uid=0 auid=0 ses=1 msg='op=x data=${hex(HARMLESS)} res=success'`,
      ])
        nothingOf(HARMLESS, keep(enabled, line));
    });

    it("has none of any arguments", () => {
      const argument = fc.string({ minLength: 3, maxLength: 40, unit: "binary" }).map((text) => `${HARMLESS}${text}`);
      fc.assert(
        fc.property(fc.array(argument, { minLength: 1, maxLength: 8 }), (args) => {
          const words = args.map((text, at) => `a${at + 1}=${hex(text)}`).join(" ");
          const kept = keep(enabled, SYSCALL, `type=EXECVE argc=${args.length + 1} a0="x" ${words}`);
          nothingOf(HARMLESS, kept);
          assert.equal(kept.args.length, args.length + 1);
        }),
      );
    });
  });
}
