/** Values that other tools get wrong. The numbers are those of the project's list of traps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeSocketAddress, quote } from "@hosttrail/lib/audit";
import { eventOf, syscall } from "./events.ts";

function argumentsOf(...records: string[]): { args: string[]; count: number } {
  const { process } = eventOf(syscall(), ...records.map((text) => `EXECVE ${text}`));
  return { args: process?.args ?? [], count: process?.argsCount ?? 0 };
}

describe("traps: values", () => {
  it("trap 1: what is quoted is literal, what is not is hex", () => {
    assert.deepEqual(argumentsOf('argc=3 a0="x" a1=C3A9 a2="3005"').args, ["x", "é", "3005"]);
  });

  it("trap 2: an empty argument is kept, and one that is left out leaves a hole", () => {
    assert.deepEqual(argumentsOf('argc=3 a0="x" a1="" a2="y"').args, ["x", "", "y"]);
    assert.deepEqual(argumentsOf('argc=3 a0="x" a2="y"'), { args: ["x", "", "y"], count: 3 });
    assert.deepEqual(argumentsOf('argc=4 a0="x" a2="y"'), { args: ["x", "", "y", ""], count: 4 });
  });

  it("trap 3: backslash and apostrophe are plain characters", () => {
    assert.deepEqual(argumentsOf('argc=3 a0="C:\\" a1="\'" a2="\\\'x"').args, ["C:\\", "'", "\\'x"]);
  });

  it("trap 4: split arguments are joined in any order of fragments and records", () => {
    const long = "é".repeat(5000);
    const hex = quote(long);
    const cut = 7748;
    const first = `argc=3 a0="x" a1_len=${hex.length} a1[0]=${hex.slice(0, cut)}`;
    const second = ` a1[1]=${hex.slice(cut)}`;
    const third = ' a2="end"';
    for (const order of [
      [first, second, third],
      [third, second, first],
      [second, first, third],
    ]) {
      assert.deepEqual(argumentsOf(...order).args, ["x", long, "end"]);
    }
    assert.deepEqual(argumentsOf('argc=1 a0_len=6 a0[0]="abc"', ' a0[1]="def"').args, ["abcdef"]);
  });

  it("trap 5: comm, exe, name, cwd and key may all be hex", () => {
    const event = eventOf(
      syscall({ comm: "2873642D70616D29", exe: quote("/opt/a b/x"), key: quote("my key") }),
      `CWD cwd=${quote("/tmp/é")}`,
      `PATH item=0 name=${quote("file name")} inode=1 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL`,
    );
    assert.equal(event.process?.name, "(sd-pam)");
    assert.equal(event.process.executable, "/opt/a b/x");
    assert.equal(event.process.workingDirectory, "/tmp/é");
    assert.equal(event.files[0]?.path, "/tmp/é/file name");
    assert.deepEqual(event.audit?.keys, ["my key"]);
    const login = eventOf(`USER_LOGIN pid=1 uid=0 auid=0 ses=1 msg='op=login acct=${quote("a b")} res=success'`);
    assert.equal(login.user?.targetName, "a b");
  });

  it("trap 6: several keys stand in one", () => {
    assert.deepEqual(eventOf(syscall({ key: "6B31016B32" })).audit?.keys, ["k1", "k2"]);
  });

  it("trap 7: the title is the process's own word, cut at 128 bytes, and decides nothing", () => {
    const title = quote(`sshd\0${"x".repeat(122)}`);
    const event = eventOf(syscall({ syscall: 257 }), `PROCTITLE proctitle=${title}`);
    assert.equal(event.process?.title, `sshd\0${"x".repeat(122)}`);
    assert.equal(event.process.name, "ls");
    assert.deepEqual(event.process.args, []);
    assert.equal(event.event?.action, "opened-file");
  });

  it("trap 8: socket addresses: unnamed, short, abstract, big-endian, mapped, netlink, packet, unknown", () => {
    const address = (hex: string): unknown[] => {
      const { family, address: text, ip, port, path } = decodeSocketAddress(hex) ?? {};
      return [family, text, ip, port, path];
    };
    assert.deepEqual(address("0100"), ["unix", "", "", 0, ""]);
    assert.deepEqual(address("01002F746D702F78"), ["unix", "/tmp/x", "", 0, "/tmp/x"]);
    assert.deepEqual(address("01002F746D702F7800000000"), ["unix", "/tmp/x", "", 0, "/tmp/x"]);
    assert.deepEqual(address("0100006162"), ["unix", "@ab", "", 0, "@ab"]);
    assert.deepEqual(address("0002D9037F0000010000000000000000"), ["inet", "127.0.0.1", "127.0.0.1", 55_555, ""]);
    assert.deepEqual(address("0200003508080808"), ["inet", "8.8.8.8", "8.8.8.8", 53, ""]);
    const mapped = `0A0001BB00000000${"00".repeat(10)}FFFF0A00000100000000`;
    assert.deepEqual(address(mapped), ["inet6", "10.0.0.1", "10.0.0.1", 443, ""]);
    assert.deepEqual(address(`0A00005000000000${"00".repeat(15)}0100000000`), ["inet6", "::1", "::1", 80, ""]);
    assert.deepEqual(address("100000000700000000000000"), ["netlink", "pid 7", "", 0, ""]);
    assert.deepEqual(address("11000003020000000100000000000000"), ["packet", "interface 2", "", 0, ""]);
    assert.deepEqual(address("2800FFFF"), ["family-40", "", "", 0, ""]);
    assert.equal(decodeSocketAddress("zz"), undefined);
    assert.equal(decodeSocketAddress(""), undefined);
  });

  it("trap 9: auditd's own words are apart from the kernel's, also in a copy that lost the separator", () => {
    for (const separator of ["\u001d", ""]) {
      const event = eventOf(
        `${syscall({ syscall: 42, a0: "3" })}${separator}ARCH=x86_64 SYSCALL=connect AUID="alice" UID="root" GID="wheel"`,
        `SOCKADDR saddr=0200003508080808${separator}SADDR={ saddr_fam=inet laddr=8.8.8.8 lport=53 }`,
      );
      assert.deepEqual(event.audit?.keys, []);
      assert.equal(event.user?.auditName, "alice");
      assert.equal(event.user.name, "root");
      assert.equal(event.user.group?.name, "wheel");
      assert.equal(event.destination?.ip, "8.8.8.8");
    }
  });

  it("trap 10: an AppArmor label has a space in it", () => {
    const event = eventOf(syscall().replace(" key=", " subj==/usr/sbin/ntpd (enforce) key="));
    assert.deepEqual(event.audit?.keys, []);
    const [record] = event.audit.records;
    assert.equal(record?.fields.find(({ key }) => key === "subj")?.value, "=/usr/sbin/ntpd (enforce)");
  });

  it("trap 11: what user space wrote never overrides the kernel's fields", () => {
    const event = eventOf(
      `USER_CMD pid=77 uid=0 auid=1000 ses=2 msg='op=x pid=1 uid=4242 auid=0 acct="o'brien" exe="/usr/bin/sudo" key="k" res=success'`,
    );
    assert.equal(event.process?.pid, 77);
    assert.equal(event.process.executable, "");
    assert.equal(event.user?.id, 0);
    assert.equal(event.user.auditId, 1000);
    assert.equal(event.user.targetName, "o'brien");
    assert.deepEqual(event.audit?.keys, []);
    assert.equal(event.event?.outcome, "success");
  });

  it("trap 12: odd ones", () => {
    const end = eventOf("DAEMON_END op=terminate auid=0 pid=1 subj=24970459.090:670): pid=2 uid=0 res=success");
    assert.equal(end.process?.pid, 1);
    assert.equal(end.event?.action, "shutdown-audit");
    const time = eventOf(`USYS_CONFIG pid=5 uid=0 auid=0 ses=1 msg='changing system time exe="/bin/date" res=success'`);
    assert.equal(time.event?.outcome, "success");
    const login = eventOf("LOGIN login pid=2288 uid=0 old auid=4294967295 new auid=48 old ses=4294967295 new ses=1");
    assert.equal(login.user?.auditId, 48);
    assert.equal(login.process?.sessionId, 1);
    assert.equal(eventOf("UNKNOWN[1999] prog-id=1 op=LOAD").event?.action, "unknown[1999]");
    assert.deepEqual(argumentsOf("argc=0"), { args: [], count: 0 });
  });
});
