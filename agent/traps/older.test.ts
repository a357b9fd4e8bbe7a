/** Records of older kernels and tools, of tools that write as nobody else does, and records that are not whole. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { interpretField, quote, recordTypeNumber, syscallNumber } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import { eventOf, groupsOf, syscall } from "./events.ts";

const USER = "pid=3000 uid=0 auid=4294967295 ses=4294967295";

function told({ event }: Event): string {
  return `${event?.action} ${event?.type.join()} ${event?.outcome}`;
}

describe("traps: older kernels and tools", () => {
  it("a change of rules has its op in quotes, or in two words", () => {
    for (const op of ['"add_rule"', '"add rule"', "add_rule", "add rule"])
      assert.equal(
        told(eventOf(`CONFIG_CHANGE auid=0 ses=1 op=${op} key="k" list=4 res=1`)),
        "added-audit-rule creation success",
        op,
      );
    for (const op of ['"remove_rule"', '"remove rule"', "remove_rule", "remove rule"])
      assert.equal(
        told(eventOf(`CONFIG_CHANGE auid=0 ses=1 op=${op} list=4 res=1`)),
        "deleted-audit-rule deletion success",
        op,
      );
    assert.equal(
      told(eventOf('CONFIG_CHANGE auid=0 ses=1 op="updated_rules" path="/x" list=4 res=1')),
      "changed-audit-configuration change success",
    );
    const shown = (op: string): string => interpretField(1305, "op", op, { archName: "", call: "", success: "" });
    assert.equal(shown('"add rule"'), "add rule");
    assert.equal(shown("add_rule"), "add_rule");
  });

  it("a change that failed has failed, though it could be asked for", () => {
    const change = "CONFIG_CHANGE auid=0 ses=1 op=add_rule key=(null) list=4 res=0";
    assert.equal(told(eventOf(change)), "added-audit-rule creation failure");
    assert.equal(told(eventOf(change, syscall({ syscall: 44 }))), "added-audit-rule creation failure");
    assert.equal(
      told(eventOf(change.replace("res=0", "res=1"), syscall({ syscall: 44 }))),
      "added-audit-rule creation success",
    );
  });

  it("a session is kept where no process is named", () => {
    const { process } = eventOf("CONFIG_CHANGE auid=1000 ses=7 op=add_rule key=(null) list=4 res=1");
    assert.equal(process?.sessionId, 7);
    assert.equal(process.pid, 0);
    assert.equal(eventOf("MAC_POLICY_LOAD policy loaded auid=0 ses=3").process?.sessionId, 3);
    assert.equal(eventOf("UNKNOWN[1999] prog-id=1 op=LOAD").process, undefined);
  });

  it("records without their SYSCALL record keep what they tell of the process", () => {
    const title = quote("ls\0-l");
    const { process } = eventOf('EXECVE argc=2 a0="ls" a1="-l"', 'CWD cwd="/srv"', `PROCTITLE proctitle=${title}`);
    assert.deepEqual(process?.args, ["ls", "-l"]);
    assert.equal(process.argsCount, 2);
    assert.equal(process.workingDirectory, "/srv");
    const path = eventOf('CWD cwd="/srv"', 'PATH item=0 name="x" inode=1 nametype=NORMAL');
    assert.equal(path.process?.workingDirectory, "/srv");
    assert.equal(path.files[0]?.path, "/srv/x");
    assert.equal(eventOf(`PROCTITLE proctitle=${title}`).process?.title, "ls\0-l");
    assert.equal(eventOf("EXECVE argc=3").process?.argsCount, 3);
    const later = eventOf(
      'CWD cwd="/srv"',
      "UNKNOWN[1999] x=1",
      'AVC apparmor="DENIED" operation="open" pid=7 comm="x"',
    );
    assert.deepEqual([later.process?.pid, later.process?.name, later.process?.workingDirectory], [7, "x", "/srv"]);
  });

  it("PAM wrote its result in brackets", () => {
    const pam = (rest: string): Event =>
      eventOf(`USER_AUTH user ${USER} msg='PAM: authentication acct="root" : exe="/usr/sbin/sshd" (hostname=${rest})'`);
    const event = pam("client.example.org, addr=192.0.2.7, terminal=ssh res=success");
    assert.equal(told(event), "authenticated info success");
    assert.equal(event.user?.targetName, "root");
    assert.equal(event.source?.ip, "192.0.2.7");
    assert.equal(event.source.domain, "client.example.org");
    assert.equal(pam("?, addr=?, terminal=cron result=Success").event?.outcome, "success");
    assert.equal(pam("?, addr=?, terminal=cron res=failed").event?.outcome, "failure");
    assert.equal(pam("?, addr=?, terminal=cron result=Authentication failure").event?.outcome, "failure");
    assert.equal(pam("?, addr=?, terminal=cron").event?.outcome, "unknown");
    assert.equal(pam("?, addr=?, terminal=cron").source, undefined);
  });

  it("an account's name stood without quotes", () => {
    const target = (acct: string): string | undefined =>
      eventOf(
        `USER_LOGIN user ${USER} msg='acct=${acct} exe="/usr/sbin/gdm-binary" (hostname=?, addr=?, terminal=:0 res=failed)'`,
      ).user?.targetName;
    assert.equal(target("cafe:"), "cafe");
    assert.equal(target("root :"), "root");
    assert.equal(target('"cafe":'), "cafe");
    assert.equal(target(quote("a b")), "a b");
    const gdm = eventOf(
      `USER_LOGIN user ${USER} msg='uid=500: exe="/usr/sbin/gdm-binary" (hostname=?, addr=?, terminal=:0 res=success)'`,
    );
    assert.equal(gdm.user?.targetName, "500");
    assert.equal(gdm.user.id, 0);
  });

  it("a message that does not end names nothing of the kernel's", () => {
    const texts = [
      `USER_LOGIN ${USER} msg='op=login acct="root" euid=5 exe="/x" comm="y" tty=pts9 hostname=a addr=192.0.2.7 res=succ`,
      `USER_LOGIN ${USER} msg='op=login acct="root" cmd=it's euid=5 exe="/x" comm="y" tty=pts9 addr=192.0.2.7`,
      `USER_LOGIN ${USER} msg='op=login' acct="root" euid=5 exe="/x" comm="y" tty=pts9 addr=192.0.2.7 x`,
    ];
    for (const text of texts) {
      const event = eventOf(text);
      assert.equal(event.process?.pid, 3000);
      assert.deepEqual([event.process.executable, event.process.name, event.process.tty], ["", "", ""], text);
      assert.equal(event.user?.effectiveId, 4_294_967_295, text);
      assert.equal(event.user.targetName, "root", text);
      assert.equal(event.source?.ip, "192.0.2.7", text);
      assert.equal(event.event?.outcome, "unknown", text);
    }
  });

  it("auditd's own records may have no colon behind the stamp", () => {
    const line =
      "type=DAEMON_CONFIG msg=audit(1226874073.147:6807) auditd state=changed auid=0 pid=9 subj=x res=success";
    const [group] = groupsOf([line]);
    assert.equal(group?.serial, 6807);
    assert.equal(group.records[0]?.text, "auditd state=changed auid=0 pid=9 subj=x res=success");
    assert.throws(() => groupsOf(["type=DAEMON_CONFIG msg=audit(1226874073.147:6807)auditd"]), /no record/);
  });

  it("sshd's keys name the session's user and both sides", () => {
    const key = (rest: string): Event =>
      eventOf(
        `CRYPTO_KEY_USER pid=9 uid=0 auid=0 ses=1 msg='op=destroy kind=session fp=? direction=both spid=10 ${rest} ` +
          `exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=? res=success'`,
      );
    const event = key("suid=74 rport=50000 laddr=::ffff:192.0.2.1 lport=22");
    assert.equal(told(event), "negotiated-crypto-key info success");
    assert.equal(event.user?.targetName, "74");
    assert.equal(event.user.savedId, 4_294_967_295, "the kernel named none");
    assert.deepEqual([event.source?.ip, event.source?.port], ["192.0.2.7", 50_000]);
    assert.deepEqual([event.destination?.ip, event.destination?.port], ["192.0.2.1", 22]);
    assert.equal(key("suid=4294967295").user?.targetName, "");
    assert.equal(key("suid=4294967295").destination, undefined);
  });

  it("IPsec's changes have both addresses in one form", () => {
    const ipsec = (op: string, rest = "src=10.0.0.1 dst=10.0.0.2 spi=512(0x200) res=1"): Event =>
      eventOf(`MAC_IPSEC_EVENT op=${op} auid=0 ses=5 subj=a:b:c:s0 sec_alg=1 sec_doi=1 sec_obj=a:b:c:s0 ${rest}`);
    const added = ipsec("SAD-add");
    assert.equal(told(added), "added-ipsec-association creation success");
    assert.deepEqual([added.source?.ip, added.destination?.ip], ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual([added.user?.auditId, added.process?.sessionId], [0, 5]);
    const six = ipsec(
      "SPD-delete",
      "src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 res=1",
    );
    assert.equal(told(six), "deleted-ipsec-policy deletion success");
    assert.deepEqual([six.source?.ip, six.destination?.ip], ["2001:db8::1", "2001:db8::2"]);
    assert.equal(told(ipsec("SAD-add", "src=10.0.0.1 dst=10.0.0.2 res=0")), "added-ipsec-association creation failure");
    assert.equal(told(ipsec("SA-icv-failure", "src=10.0.0.1 dst=10.0.0.2")), "dropped-ipsec-packet denied unknown");
    assert.equal(told(ipsec("new-one", "res=1")), "changed-ipsec-configuration change success");
    const asked = eventOf(
      "MAC_IPSEC_EVENT op=SAD-add auid=0 ses=5 src=10.0.0.1 dst=10.0.0.2 res=1",
      syscall({ syscall: syscallNumber("x86_64", "sendmsg") ?? 0 }),
      "SOCKADDR saddr=100000000000000000000000",
    );
    assert.equal(told(asked), "added-ipsec-association creation success");
    assert.equal(asked.destination?.ip, "10.0.0.2");
    assert.equal(told(eventOf("MAC_IPSEC_ADDSA op=SAD-add auid=0 res=1")), "added-ipsec-association creation success");
    assert.equal(
      told(eventOf("MAC_MAP_ADD netlabel: auid=0 ses=1 nlbl_domain=(default) res=1")),
      "added-mac-network-domain-mapping-to creation success",
    );
  });

  it("capabilities have names by their newer and older fields", () => {
    const type = recordTypeNumber("BPRM_FCAPS") ?? 0;
    for (const key of ["new_pp", "new_pi", "new_pe", "pp", "old_pp"])
      assert.equal(
        interpretField(type, key, "0000000000000021", { archName: "", call: "", success: "" }),
        "chown,kill",
        key,
      );
  });
});

describe("traps: arguments in pieces", () => {
  function pieces(...records: string[]): [string[], string | undefined] {
    const event = eventOf(syscall(), ...records.map((text) => `EXECVE ${text}`));
    return [event.process?.args ?? [], event.audit?.partial];
  }

  it("a fragment that did not come is said, wherever it is missing", () => {
    assert.deepEqual(pieces('argc=2 a0="x" a1_len=12 a1[0]=4142', " a1[1]=4344", " a1[2]=4546"), [["x", "ABCDEF"], ""]);
    assert.deepEqual(pieces('argc=2 a0="x" a1_len=12 a1[0]=4142', " a1[2]=4546"), [["x", "AB…EF"], "arguments"]);
    assert.deepEqual(pieces('argc=2 a0="x" a1_len=12 a1[0]=4142', " a1[1]=4344"), [["x", "ABCD…"], "arguments"]);
    assert.deepEqual(pieces('argc=2 a0="x" a1_len=12', " a1[1]=4344", " a1[2]=4546"), [["x", "…CDEF"], "arguments"]);
    assert.deepEqual(pieces('argc=2 a0="x" a1_len=12'), [["x", "…"], "arguments"]);
    assert.deepEqual(pieces('argc=3 a0="x"', ' a1[1]=4344 a2="z"'), [["x", "…CD", "z"], "arguments"]);
    assert.deepEqual(pieces('argc=1 a0_len=9 a0[0]="abc"', ' a0[2]="ghi"'), [["abc…ghi"], "arguments"]);
    assert.deepEqual(pieces('argc=1 a0_len=6 a0[0]="abc"', ' a0[1]="def"'), [["abcdef"], ""]);
    // A cut may be inside of a character, as long as both sides came.
    assert.deepEqual(pieces("argc=1 a0_len=4 a0[0]=C3", " a0[1]=A9"), [["é"], ""]);
  });
});
