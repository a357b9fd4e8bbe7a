/** Records whose meaning other tools get wrong. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Event } from "@hosttrail/proto/event";
import { eventOf, syscall } from "./events.ts";

function path(item: number, name: string, nametype: string): string {
  return `PATH item=${item} name=${name} inode=${item + 1} dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=${nametype}`;
}

describe("traps: meaning", () => {
  it("trap 13: a number means nothing without its architecture", () => {
    const name = (arch: string, number: number): string[] => {
      const { archName, name: call } = eventOf(syscall({ arch, syscall: number })).audit?.syscall ?? {};
      return [archName ?? "", call ?? ""];
    };
    assert.deepEqual(name("c000003e", 59), ["x86_64", "execve"]);
    assert.deepEqual(name("40000003", 11), ["i386", "execve"]);
    assert.deepEqual(name("c000003e", 0x40000000 + 520), ["x32", "execve"]);
    assert.deepEqual(name("c00000b7", 221), ["aarch64", "execve"]);
    assert.deepEqual(name("40000028", 11), ["arm", "execve"]);
    assert.deepEqual(name("80000016", 11), ["s390x", ""]);
    assert.deepEqual(name("c000003e", 9999), ["x86_64", ""]);
  });

  it("trap 14: a non-blocking connect that is under way has not failed", () => {
    const outcome = (exit: number): string | undefined =>
      eventOf(syscall({ syscall: 42, success: "no", exit }), "SOCKADDR saddr=0200003508080808").event?.outcome;
    assert.equal(outcome(-115), "success");
    assert.equal(outcome(-111), "failure");
  });

  it("trap 15: the object is chosen by nametype, and names resolve where the call says", () => {
    const cwd = 'CWD cwd="/home/a"';
    const created = eventOf(
      syscall({ syscall: 257, a0: "ffffff9c", a2: "241" }),
      cwd,
      path(0, '"/home/a"', "PARENT"),
      path(1, '"new"', "CREATE"),
    );
    assert.equal(created.files[0]?.path, "/home/a/new");
    assert.deepEqual(created.event?.type, ["creation"]);
    const elsewhere = eventOf(syscall({ syscall: 263, a0: "5" }), cwd, path(0, '"x"', "DELETE"));
    assert.equal(elsewhere.files[0]?.path, "x");
    const renamed = eventOf(
      syscall({ syscall: 264, a0: "ffffff9c", a2: "5" }),
      cwd,
      path(2, '"old"', "DELETE"),
      path(3, '"new"', "CREATE"),
    );
    assert.deepEqual(
      renamed.files.map((file) => file.path),
      ["/home/a/old", "new"],
    );
    assert.equal(eventOf(syscall({ syscall: 87 }), cwd, path(0, "(null)", "DELETE")).files[0]?.path, "");
    const many = Array.from({ length: 40 }, (_, item) => path(item, `"/overlay/${item}"`, "PARENT"));
    const overlay = eventOf(syscall({ syscall: 257, items: 41 }), cwd, ...many, path(40, '"/overlay/x"', "CREATE"));
    assert.equal(overlay.files.length, 41);
    assert.equal(overlay.files[0]?.path, "/overlay/x");
  });

  it("trap 16: an event may begin with other records than SYSCALL", () => {
    const of = (...records: string[]): (string | number | undefined)[] => {
      const event: Event = eventOf(...records);
      return [event.event?.action, event.event?.outcome, event.process?.pid, event.audit?.keys[0]];
    };
    assert.deepEqual(
      of(
        'URINGOP uring_op=18 success=yes exit=0 items=1 ppid=1 pid=7 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 key="u"',
        path(0, '"/etc/x"', "NORMAL"),
      ),
      ["opened-file", "success", 7, "u"],
    );
    assert.deepEqual(of("TIME_ADJNTPVAL op=freq old=1 new=2", syscall({ syscall: 305 })).slice(0, 3), [
      "changed-system-time",
      "success",
      11,
    ]);
    assert.deepEqual(
      of(
        'AVC avc:  denied  { read } for  pid=9 comm="x" name="y" dev="sda1" ino=1 scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=file permissive=0',
      ).slice(0, 3),
      ["violated-access-policy", "failure", 9],
    );
    assert.deepEqual(
      of("LOGIN pid=8 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=3 res=1").slice(0, 3),
      ["changed-login-id-to", "success", 8],
    );
    assert.deepEqual(of("ANOM_PROMISCUOUS dev=eth0 prom=256 old_prom=0 auid=1 uid=0 gid=0 ses=1").slice(0, 1), [
      "changed-promiscuous-mode-on-device",
    ]);
  });
});
