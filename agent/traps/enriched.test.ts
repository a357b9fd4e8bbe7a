/** ENRICHED logs: the names that auditd had for the numbers, and addresses and names of other hosts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint, Event } from "@hosttrail/proto/event";
import { eventOf, syscall } from "./events.ts";

const SEPARATORS = ["\u001d", " ", ""];
const USER = "pid=3000 uid=0 auid=1000 ses=2";
const TAIL = 'exe="/usr/sbin/x" hostname=? addr=? terminal=? res=success';

function targetOf(event: Event): string | undefined {
  return event.user?.targetName;
}

describe("traps: enriched logs", () => {
  for (const separator of SEPARATORS) {
    it(`name the target where the message has but its number, after ${JSON.stringify(separator)}`, () => {
      const message = (type: string, text: string, names: string): Event =>
        eventOf(`${type} ${USER} msg='${text} ${TAIL}'${separator}UID="root" AUID="alice" ${names}`);
      const added = message("ADD_USER", "op=add-user id=1005", 'ID="carol"');
      assert.equal(targetOf(added), "carol");
      assert.equal(added.user?.name, "root");
      assert.equal(added.user.auditName, "alice");
      assert.equal(added.event?.outcome, "success");
      assert.equal(
        targetOf(message("USER_AVC", "avc:  denied  { x } for  tclass=dbus sauid=81", 'SAUID="dbus"')),
        "dbus",
      );
      assert.equal(
        targetOf(message("CRYPTO_KEY_USER", "op=destroy kind=session spid=9 suid=74", 'SUID="sshd"')),
        "sshd",
      );
      assert.equal(targetOf(message("USER_LOGIN", "uid=1005:", 'UID="carol"')), "carol");
      assert.equal(targetOf(message("ADD_USER", "op=add-user id=1005", 'ID="unknown(1005)"')), "1005");
      assert.equal(targetOf(message("ADD_USER", 'op=add-user acct="dave" id=1005', 'ID="carol"')), "dave");
      assert.equal(targetOf(message("USER_LOGIN", 'op=login acct="0" id=1005', 'ID="carol"')), "0");
    });

    it(`name the owner of the process that got a signal, after ${JSON.stringify(separator)}`, () => {
      const killed = (names: string): string | undefined =>
        targetOf(
          eventOf(
            `${syscall({ syscall: 62 })}${separator}ARCH=x86_64 SYSCALL=kill AUID="alice" UID="root" SUID="root"`,
            `OBJ_PID opid=77 oauid=1005 ouid=1005 oses=3 ocomm="sleep"${separator}${names}`,
          ),
        );
      assert.equal(killed('OAUID="carol" OUID="carol"'), "carol");
      assert.equal(killed('OAUID="unset" OUID="daemon"'), "daemon");
    });

    it(`leave the kernel's words as they are, before ${JSON.stringify(separator)}`, () => {
      const event = eventOf(
        `${syscall({ key: '"k"' })}${separator}ARCH=x86_64 SYSCALL=execve AUID="alice" UID="root" GID="root" EUID="root"`,
        `PATH item=0 name="/x" inode=1 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_frootid=0${separator}OUID="root" OGID="wheel"`,
      );
      assert.deepEqual(event.audit?.keys, ["k"]);
      assert.equal(event.user?.effectiveName, "root");
      assert.equal(event.files[0]?.group, "wheel");
    });
  }

  it("are not made of what user space wrote", () => {
    const forged = eventOf(`USER_LOGIN ${USER} msg='op=login id=1005 UID="root" ID="root" AUID="root" ${TAIL}'`);
    assert.equal(targetOf(forged), "1005");
    assert.equal(forged.user?.auditName, "");
  });
});

describe("traps: the other side of a login", () => {
  function sourceOf(text: string): Partial<Endpoint> | undefined {
    return eventOf(`USER_LOGIN ${USER} msg='op=login acct="x" exe="/x" ${text} terminal=ssh res=success'`).source;
  }
  const told = (text: string): (string | undefined)[] => {
    const source = sourceOf(text);
    return [source?.ip, source?.domain, source?.address, source?.family];
  };

  it("has its address in one form, whoever wrote it", () => {
    const four = ["203.0.113.9", "", "203.0.113.9", "inet"];
    assert.deepEqual(told("hostname=? addr=203.0.113.9"), four);
    assert.deepEqual(told("hostname=? addr=::ffff:203.0.113.9"), four);
    assert.deepEqual(told("hostname=203.0.113.9 addr=::FFFF:203.0.113.9"), four);
    assert.deepEqual(told("hostname=203.0.113.9 addr=?"), four);
    assert.deepEqual(told('hostname=? addr="203.0.113.9"'), four);
    assert.deepEqual(told("hostname=? addr=2001:DB8:0:0::00A"), ["2001:db8::a", "", "2001:db8::a", "inet6"]);
    assert.deepEqual(told("hostname=? addr=fe80::1%eth0"), ["fe80::1", "", "fe80::1", "inet6"]);
  });

  it("is a name where it is no address", () => {
    assert.deepEqual(told("hostname=? addr=client.example.org"), ["", "client.example.org", "client.example.org", ""]);
    assert.deepEqual(told("hostname=? addr=cafe"), ["", "cafe", "cafe", ""]);
    assert.deepEqual(told("hostname=client.example.org addr=203.0.113.9"), [
      "203.0.113.9",
      "client.example.org",
      "203.0.113.9",
      "inet",
    ]);
  });

  it("is nobody where nothing is said, and this host's own name is not the other side", () => {
    for (const text of ["hostname=? addr=?", "hostname=web1 addr=?", "addr=UNKNOWN", "addr=", "hostname=web1"])
      assert.equal(sourceOf(text), undefined, text);
  });
});
