import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AuditRecord } from "@hosttrail/proto/event";
import fc from "fast-check";
import { condenseRecords, readField, readRecord, recordTypeNumber, splitWords } from "./index.ts";
import { Event } from "@hosttrail/proto/event";
import { quote } from "./text.ts";

/** A record as the agent keeps it, from the text of a log. */
function recordOf(text: string): AuditRecord {
  const space = text.indexOf(" ");
  const type = recordTypeNumber(text.slice(0, space)) ?? 0;
  const [record] = condenseRecords(Event.fromPartial({}), [splitWords(type, text.slice(space + 1))]);
  return record ?? AuditRecord.fromPartial({});
}

function read(text: string): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    Array.from(readRecord(recordOf(text)), ([name, [...all]]) => [name, all.length === 1 ? (all[0] ?? "") : all]),
  );
}

const hex = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();

describe("a record is read:", () => {
  it("what sudo ran", () => {
    const text = `USER_CMD pid=77 uid=0 auid=1000 ses=2 msg='cwd="/root" cmd=${hex('ls -la "/root/a"')} exe="/usr/bin/sudo" terminal=pts/0 res=success'`;
    assert.deepEqual(read(text), { cmd: 'ls -la "/root/a"', exe: "/usr/bin/sudo", terminal: "pts/0" });
    const record = recordOf(text);
    const message = record.fields.find(({ key }) => key === "msg");
    assert.equal(
      message && readField(record, message),
      `'cwd="/root" cmd="ls -la "/root/a"" exe="/usr/bin/sudo" terminal=pts/0 res=success'`,
    );
  });

  it("what was typed", () => {
    const record = recordOf(
      `TTY tty pid=1 uid=0 auid=0 ses=1 major=136 minor=0 comm="bash" data=${hex("rm -rf /tmp/é\r")}`,
    );
    assert.deepEqual(readRecord(record).get("data"), ["rm -rf /tmp/é\r"]);
    const data = record.fields.find(({ key }) => key === "data");
    assert.equal(data && readField(record, data), "rm -rf /tmp/é\r");
    assert.deepEqual(read(`USER_TTY pid=1 uid=0 auid=0 ses=1 data="whoami"`), { data: "whoami" });
  });

  it("what a program said of a session", () => {
    const text = `USER_START pid=1 uid=0 auid=0 ses=1 msg='op=PAM:session_open grantors=pam_unix acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success'`;
    assert.deepEqual(read(text), { op: "PAM:session_open", exe: "/usr/sbin/cron", terminal: "cron" });
  });

  it("an operation of several words", () => {
    const text = `USER_MGMT pid=1 uid=0 auid=0 ses=1 msg='op=adding user to group acct="a" exe="/usr/sbin/usermod" hostname=h addr=? terminal=? res=success'`;
    assert.deepEqual(read(text), { op: "adding user to group", exe: "/usr/sbin/usermod", hostname: "h" });
  });

  it("a unit, whose name is never hex, whatever it looks like", () => {
    for (const unit of ["ssh", "cafe", "FADE", "DECADE", "1234"]) {
      const text = `SERVICE_START pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=${unit} comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'`;
      assert.equal(read(text)["unit"], unit);
    }
  });

  it("what AppArmor asked", () => {
    const text = `AVC apparmor="DENIED" operation="open" profile="/usr/sbin/cupsd" name="/etc/shadow" pid=9 comm="cupsd" requested_mask="wr" denied_mask="wr" fsuid=0 ouid=0`;
    assert.deepEqual(read(text), { op: "open", profile: "/usr/sbin/cupsd", requested: "wr" });
    const socket = `AVC apparmor="DENIED" operation="create" profile=${hex("a profile")} pid=9 comm="x" family="inet" requested_mask="send receive"`;
    assert.deepEqual(read(socket), { op: "create", profile: "a profile", requested: ["send", "receive"] });
  });

  it("what SELinux asked, in the kernel and in user space", () => {
    const asked = `avc:  denied  { read write } for  pid=5 comm="httpd" name="x" dev="dm-0" ino=1 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:shadow_t:s0:c1,c2 tclass=file permissive=0`;
    const expected = {
      requested: ["read", "write"],
      scontext: "system_u:system_r:httpd_t:s0",
      tcontext: "system_u:object_r:shadow_t:s0:c1,c2",
      tclass: "file",
    };
    assert.deepEqual(read(`AVC ${asked}`), expected);
    assert.deepEqual(read(`USER_AVC pid=1 uid=81 auid=0 ses=1 msg='${asked}'`), expected);
  });

  it("nothing where nothing is said", () => {
    assert.deepEqual(read("CWD cwd=2F"), {});
    assert.deepEqual(read("USER_CMD pid=1 msg='cmd=? exe=? terminal=(none)'"), {});
    assert.deepEqual(read("USER_CMD pid=1 msg='"), {});
    assert.deepEqual(readRecord(AuditRecord.fromPartial({})).size, 0);
  });

  it("every text comes back that the kernel's own way of writing hides", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (command) => {
        // What needs no hex stands in quotes; the words of nothing are not told apart from nothing.
        fc.pre(!["?", "(null)", "(none)"].includes(command) && !command.includes("'"));
        assert.equal(
          read(`USER_CMD pid=1 uid=0 msg='cwd="/" cmd=${quote(command)} terminal=pts/0 res=success'`)["cmd"],
          command,
        );
      }),
    );
  });

  it("and bytes that are no text throw nothing", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 20 }),
        fc.string({ unit: "binary-ascii", maxLength: 40 }),
        (bytes, message) => {
          const record = AuditRecord.fromPartial({
            type: 1123,
            fields: [
              { key: "data", valueBytes: bytes },
              { key: "msg", value: `'${message}` },
            ],
          });
          readRecord(record);
          for (const field of record.fields) readField(record, field);
        },
      ),
    );
  });
});
