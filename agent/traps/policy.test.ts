/** What security modules say: refusals, permissions and notices come in records of the same type. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventOf, syscall } from "./events.ts";

const VIOLATED = "violated-access-policy";
const ACCESSED = "accessed-mac-policy-controlled-object";

/** Action, types and outcome. */
function told(...records: string[]): string {
  const { action, type, outcome } = eventOf(...records).event ?? {};
  return `${action} ${type?.join()} ${outcome}`;
}

function selinux(verdict: string, permissive = ""): string {
  return (
    `AVC avc:  ${verdict}  { read } for  pid=9 comm="x" name="y" dev="sda1" ino=1 ` +
    `scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=file${permissive}`
  );
}

function userAvc(text: string): string {
  return (
    `USER_AVC pid=540 uid=81 auid=4294967295 ses=4294967295 subj=a:b:c:s0 ` +
    `msg='${text} exe="/usr/bin/dbus-daemon" sauid=81 hostname=? addr=? terminal=?'`
  );
}

function appArmor(
  status: string,
  rest = 'operation="open" profile="/usr/sbin/ntpd" name="/etc/x" pid=7 comm="ntpd"',
): string {
  return `AVC apparmor="${status}" ${rest}`;
}

describe("SELinux", () => {
  it("has refused where it enforces, whatever the call came to", () => {
    const denied = selinux("denied", " permissive=0");
    assert.equal(told(denied), `${VIOLATED} denied failure`);
    assert.equal(told(denied, syscall({ syscall: 257, success: "no", exit: -13 })), `${VIOLATED} denied failure`);
    assert.equal(told(denied, syscall({ syscall: 257 })), `${VIOLATED} denied failure`);
  });

  it("has refused nothing where it is permissive", () => {
    const tolerated = selinux("denied", " permissive=1");
    assert.equal(told(tolerated), `${VIOLATED} allowed success`);
    assert.equal(told(tolerated, syscall({ syscall: 257 })), `${VIOLATED} allowed success`);
  });

  it("of an older kernel does not say whether it enforces: the call tells", () => {
    assert.equal(told(selinux("denied")), `${VIOLATED} denied failure`);
    assert.equal(told(selinux("denied"), syscall({ syscall: 257 })), `${VIOLATED} denied success`);
  });

  it("has granted what it was asked to log, and the call says more than that", () => {
    assert.equal(told(selinux("granted", " permissive=0")), `${ACCESSED} allowed success`);
    assert.equal(told(selinux("granted"), syscall({ syscall: 59 })), "executed start success");
    const both = [selinux("granted"), selinux("denied", " permissive=0")];
    assert.equal(told(...both), `${VIOLATED} denied failure`);
    assert.equal(told(...both.toReversed()), `${VIOLATED} denied failure`);
  });

  it("is not forged by the value of a field", () => {
    assert.equal(
      told('AVC avc:  granted  { read } for  pid=9 name=" denied " permissive=0'),
      `${ACCESSED} allowed success`,
    );
    assert.equal(
      told(userAvc('avc:  granted  { start } for cmdline="x denied { y }" tclass=service')),
      `${ACCESSED} allowed success`,
    );
    assert.equal(told("AVC x avc:  denied  { read } for  pid=9"), "checked-access info unknown");
  });

  it("decides in user space, too", () => {
    const text = "{ send_msg } for msgtype=method_call scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=dbus";
    assert.equal(told(userAvc(`avc:  denied  ${text} permissive=0`)), `${VIOLATED} denied failure`);
    assert.equal(told(userAvc(`avc:  denied  ${text} permissive=1`)), `${VIOLATED} allowed success`);
    assert.equal(told(userAvc(`avc:  denied  ${text} `)), `${VIOLATED} denied failure`);
    assert.equal(told(userAvc(`avc:  granted  ${text}`)), `${ACCESSED} allowed success`);
    assert.equal(told(userAvc("something else")), "checked-access info unknown");
  });

  it("gives notice of its own changes", () => {
    assert.equal(
      told(userAvc("avc:  received setenforce notice (enforcing=0) ")),
      "changed-selinux-enforcement change success",
    );
    assert.equal(told(userAvc("avc:  received policyload notice (seqno=2) ")), "loaded-selinux-policy change success");
    assert.equal(
      told("USER_MAC_STATUS pid=1 uid=0 auid=0 ses=1 msg='op=setenforce lsm=selinux enforcing=1 res=1'"),
      "changed-selinux-enforcement change success",
    );
  });

  it("refuses in SELINUX_ERR by seresult", () => {
    const error = (rest: string): string =>
      `SELINUX_ERR op=security_bounded_transition ${rest}oldcontext=a:b:c:s0 newcontext=d:e:f:s0`;
    assert.equal(told(error("seresult=denied ")), "caused-mac-policy-error denied failure");
    assert.equal(
      told(error("seresult=denied "), syscall({ syscall: 1, success: "no", exit: -1 })),
      "caused-mac-policy-error denied failure",
    );
    assert.equal(told(error("")), "caused-mac-policy-error info unknown");
  });
});

describe("AppArmor", () => {
  it("has refused by DENIED and KILLED only", () => {
    assert.equal(told(appArmor("DENIED")), `${VIOLATED} denied failure`);
    assert.equal(told(appArmor("KILLED")), `${VIOLATED} denied failure`);
    assert.equal(
      told(appArmor("DENIED"), syscall({ syscall: 257, success: "no", exit: -13 })),
      `${VIOLATED} denied failure`,
    );
    assert.equal(
      told(appArmor("ALLOWED", 'operation="open" error=-13 profile="x" pid=7')),
      `${VIOLATED} allowed success`,
    );
    assert.equal(told(appArmor("ALLOWED"), syscall({ syscall: 257 })), `${VIOLATED} allowed success`);
    assert.equal(told(appArmor("AUDIT")), `${ACCESSED} allowed success`);
    assert.equal(
      told(appArmor("AUDIT"), syscall({ syscall: 257, success: "no", exit: -2, a2: "0" })),
      "opened-file access failure",
    );
    assert.equal(
      told(appArmor("HINT", 'operation="change_hat" info="unknown_hat" pid=7')),
      "checked-access info unknown",
    );
    assert.equal(
      told(appArmor("ERROR", 'operation="change_hat" error=-1 pid=7')),
      "caused-mac-policy-error info failure",
    );
  });

  it("tells by STATUS of its profiles", () => {
    const status = (rest: string): string => told(appArmor("STATUS", rest));
    assert.equal(
      status('operation="profile_load" profile="unconfined" name="x" pid=8 comm="apparmor_parser"'),
      "loaded-access-policy creation success",
    );
    assert.equal(
      status(
        'operation="profile_replace" info="same as current profile, skipping" profile="unconfined" name="x" pid=8',
      ),
      "replaced-access-policy change success",
    );
    assert.equal(
      status('operation="profile_remove" profile="unconfined" name="x" pid=8'),
      "removed-access-policy deletion success",
    );
    assert.equal(
      status('info="failed to unpack profile" error=-71 profile="unconfined" name="x" pid=8'),
      "changed-access-policy change failure",
    );
    assert.equal(
      told(appArmor("STATUS", 'operation="profile_load" name="x" pid=8'), syscall({ syscall: 1 })),
      "loaded-access-policy creation success",
    );
  });

  it("decides for the bus in user space, and had record types of its own", () => {
    assert.equal(
      told(
        `USER_AVC pid=1 uid=0 auid=0 ses=3 msg='apparmor="DENIED" operation="dbus_method_call" label="a" peer_pid=1'`,
      ),
      `${VIOLATED} denied failure`,
    );
    assert.equal(told('APPARMOR_DENIED operation="open" name="/etc/x" pid=7'), `${VIOLATED} denied failure`);
    assert.equal(
      told('APPARMOR_STATUS operation="profile_load" name="x" pid=7'),
      "loaded-access-policy creation success",
    );
  });
});

describe("other security modules", () => {
  it("say what they decided", () => {
    assert.equal(
      told('AVC lsm=SMACK fn=smack_inode_permission action=denied subject="a" object="b" requested=w pid=5'),
      `${VIOLATED} denied failure`,
    );
    assert.equal(
      told('AVC lsm=SMACK fn=smack_inode_permission action=granted subject="a" object="b" requested=w pid=5'),
      `${ACCESSED} allowed success`,
    );
    assert.equal(
      told('LANDLOCK_ACCESS domain=1a6fdc66f blockers=fs.refer path="/usr/bin" dev="vda2" ino=351'),
      `${VIOLATED} denied failure`,
    );
    const ipe = (enforcing: number, action: string): string =>
      told(
        `IPE_ACCESS ipe_op=EXECUTE ipe_hook=BPRM_CHECK enforcing=${enforcing} pid=3 comm="x" path="/x" rule="DEFAULT action=${action}"`,
      );
    assert.equal(ipe(1, "DENY"), `${VIOLATED} denied failure`);
    assert.equal(ipe(0, "DENY"), `${VIOLATED} allowed success`);
    assert.equal(ipe(1, "ALLOW"), `${ACCESSED} allowed success`);
  });
});
