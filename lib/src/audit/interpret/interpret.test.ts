import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECORD, recordTypeNumber } from "../types.ts";
import { interpretField } from "./index.ts";

const NONE = { archName: "", call: "", success: "" };

function syscall(call: string, key: string, value: string, archName = "x86_64", success = "yes"): string {
  return interpretField(RECORD.SYSCALL, key, value, { archName, call, success });
}

function field(type: string, key: string, value: string): string {
  return interpretField(recordTypeNumber(type) ?? 0, key, value, { ...NONE, archName: "x86_64" });
}

describe("a field's meaning", () => {
  it("of a system call's arguments", () => {
    assert.equal(syscall("openat", "a0", "ffffff9c"), "AT_FDCWD");
    assert.equal(syscall("openat", "a2", "80241"), "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC");
    assert.equal(syscall("open", "a1", "0"), "O_RDONLY");
    assert.equal(syscall("chmod", "a1", "81ed"), "0755");
    assert.equal(syscall("kill", "a1", "9"), "SIGKILL");
    assert.equal(syscall("clone", "a0", "11"), "SIGCHLD");
    assert.equal(syscall("clone", "a0", "1200011"), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD");
    assert.equal(syscall("unshare", "a0", "20000000"), "CLONE_NEWPID");
    assert.equal(syscall("mmap", "a2", "5"), "PROT_READ|PROT_EXEC");
    assert.equal(syscall("mmap", "a3", "22"), "MAP_PRIVATE|MAP_ANONYMOUS");
    assert.equal(syscall("socket", "a0", "2"), "inet");
    assert.equal(syscall("socket", "a1", "80002"), "SOCK_DGRAM");
    assert.equal(syscall("ptrace", "a0", "4206"), "PTRACE_SEIZE");
    assert.equal(syscall("setuid", "a0", "ffffffff"), "unset");
    assert.equal(syscall("mount", "a3", "1021"), "MS_RDONLY|MS_REMOUNT|MS_BIND");
    assert.equal(syscall("bpf", "a0", "5"), "BPF_PROG_LOAD");
    assert.equal(syscall("execve", "a0", "55d0"), "0x55d0");
  });

  it("of open flags differs on arm", () => {
    assert.equal(syscall("openat", "a2", "10000", "x86_64"), "O_RDONLY|O_DIRECTORY");
    assert.equal(syscall("openat", "a2", "4000", "aarch64"), "O_RDONLY|O_DIRECTORY");
    assert.equal(syscall("openat", "a2", "4000", "arm"), "O_RDONLY|O_DIRECTORY");
  });

  it("of a failed call's exit is the error's name", () => {
    assert.equal(syscall("open", "exit", "-13", "x86_64", "no"), "EACCES");
    assert.equal(syscall("open", "exit", "3"), "3");
  });

  it("of ids, modes, capabilities, addresses and names", () => {
    assert.equal(field("SYSCALL", "auid", "4294967295"), "unset");
    assert.equal(field("SYSCALL", "ses", "4294967295"), "unset");
    assert.equal(field("PATH", "mode", "0104755"), "file,suid,755");
    assert.equal(field("PATH", "mode", "041777"), "dir,sticky,777");
    assert.equal(field("PATH", "cap_fp", "0000000000000000"), "none");
    assert.equal(field("CAPSET", "cap_pe", "0000000000200001"), "chown,sys_admin");
    assert.equal(field("SOCKADDR", "saddr", "0200003508080808"), "inet 8.8.8.8:53");
    assert.equal(field("SYSCALL", "key", "6B31016B32"), "k1,k2");
    assert.equal(field("ANOM_ABEND", "sig", "11"), "SIGSEGV");
    assert.equal(field("SECCOMP", "code", "2147483648"), "kill_process");
    assert.equal(field("SECCOMP", "syscall", "101"), "ptrace");
    assert.equal(field("CONFIG_CHANGE", "list", "4"), "exit");
    assert.equal(field("AVC", "capability", "21"), "sys_admin");
    assert.equal(field("URINGOP", "uring_op", "18"), "openat");
    assert.equal(field("NETFILTER_CFG", "family", "2"), "ipv4");
  });

  it("is the text itself where there is none, whatever it is", () => {
    for (const key of ["mode", "cap_fp", "sig", "syscall", "arch", "exit", "a0", "list", "__proto__"]) {
      for (const value of ["", "zz", "-1x", "99999999999999999999", "[object Object]"]) {
        assert.equal(field("CWD", key, value), value, `${key}=${value}`);
      }
    }
  });
});
