/**
 * Where the names of an event are: only what its records tell makes a path absolute, and what stays relative says so. The records are as Linux 6.18
 * writes them.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { interpretField, RECORD, syscallNumber, type ArchName, URING_OPERATION } from "@hosttrail/lib/audit";
import { eventOf, syscall } from "./events.ts";

const CWD = 'CWD cwd="/srv/app"';
const AT_FDCWD = "ffffffffffffff9c";
const ARCHES: Partial<Record<ArchName, string>> = {
  x86_64: "c000003e",
  i386: "40000003",
  aarch64: "c00000b7",
  arm: "40000028",
};

function path(item: number, name: string, nametype: string, key = "nametype"): string {
  return `PATH item=${item} name="${name}" inode=${item + 1} dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 ${key}=${nametype}`;
}

function call(
  name: string,
  changes: Readonly<Record<string, string | number>> = {},
  arch: ArchName = "x86_64",
): string {
  const number = syscallNumber(arch, name);
  assert.ok(number !== undefined, `${name} on ${arch}`);
  return syscall({ arch: ARCHES[arch] ?? "", syscall: number, ...changes });
}

/** Each file in the order of its record: nametype, path, and what the path is relative to. */
function filesOf(...records: string[]): string[] {
  const files = eventOf(...records).files.toSorted((a, b) => a.item - b.item);
  return files.map(
    ({ nametype, path: where, relativeTo }) => `${nametype} ${where}${relativeTo && ` <${relativeTo}>`}`,
  );
}

describe("traps: paths", () => {
  it("a call without a descriptor has names in its working directory", () => {
    for (const name of ["creat", "open", "stat", "mkdir", "chmod", "mount", "inotify_add_watch", "setxattr"])
      assert.deepEqual(filesOf(call(name), CWD, path(0, "x", "NORMAL")), ["NORMAL /srv/app/x"], name);
    const created = [CWD, path(0, "/srv/app", "PARENT"), path(1, "../x", "CREATE")];
    assert.deepEqual(filesOf(call("creat"), ...created), ["PARENT /srv/app", "CREATE /srv/x"]);
  });

  it("a call with a descriptor has names in a directory that nothing names", () => {
    const first =
      "openat openat2 mkdirat mknodat unlinkat readlinkat fchownat fchmodat fchmodat2 faccessat faccessat2 futimesat utimensat newfstatat statx execveat " +
      "name_to_handle_at open_tree mount_setattr fspick setxattrat getxattrat listxattrat removexattrat file_getattr file_setattr";
    for (const name of first.split(" ")) {
      const files = (a0: string): string[] => filesOf(call(name, { a0 }), CWD, path(0, "x", "NORMAL"));
      assert.deepEqual(files("5"), ["NORMAL x <descriptor>"], name);
      assert.deepEqual(files(AT_FDCWD), ["NORMAL /srv/app/x"], name);
      assert.deepEqual(files("ffffff9c"), ["NORMAL /srv/app/x"], name);
    }
    for (const name of ["fstatat64", "utimensat_time64"]) {
      const files = (a0: string): string[] => filesOf(call(name, { a0 }, "i386"), CWD, path(0, "x", "NORMAL"));
      assert.deepEqual(files("5"), ["NORMAL x <descriptor>"], name);
      assert.deepEqual(files("ffffff9c"), ["NORMAL /srv/app/x"], name);
    }
    assert.deepEqual(filesOf(call("openat", { a0: "5" }), CWD, path(0, "/etc/x", "NORMAL")), ["NORMAL /etc/x"]);
  });

  it("fanotify_mark has its directory in the fourth argument, and on 32 bits where none is recorded", () => {
    const mark = (arch: ArchName, a3: string): string[] =>
      filesOf(call("fanotify_mark", { a0: "d", a1: "1", a2: "20", a3 }, arch), CWD, path(0, "x", "NORMAL"));
    assert.deepEqual(mark("x86_64", "5"), ["NORMAL x <descriptor>"]);
    assert.deepEqual(mark("x86_64", AT_FDCWD), ["NORMAL /srv/app/x"]);
    assert.deepEqual(mark("aarch64", "5"), ["NORMAL x <descriptor>"]);
    assert.deepEqual(mark("i386", "ffffff9c"), ["NORMAL x <unknown>"]);
    assert.deepEqual(mark("arm", "ffffff9c"), ["NORMAL x <unknown>"]);
  });

  it("a parent without a name is not the working directory where the call had another one", () => {
    const records = [CWD, path(0, "/srv/app", "PARENT"), path(1, "new", "CREATE")];
    assert.deepEqual(filesOf(call("openat", { a0: "5" }), ...records), [
      "PARENT . <descriptor>",
      "CREATE new <descriptor>",
    ]);
    assert.deepEqual(filesOf(call("openat", { a0: AT_FDCWD }), ...records), ["PARENT /srv/app", "CREATE /srv/app/new"]);
    const named = [CWD, path(0, "/etc/", "PARENT"), path(1, "/etc/new", "CREATE")];
    assert.deepEqual(filesOf(call("openat", { a0: "5" }), ...named), ["PARENT /etc/", "CREATE /etc/new"]);
  });

  it("a call with two directories has each name in its own, where the records tell which", () => {
    const moved = [
      CWD,
      path(0, "/srv/app", "PARENT"),
      path(1, "/srv/app", "PARENT"),
      path(2, "old", "DELETE"),
      path(3, "new", "CREATE"),
    ];
    const rename = (a0: string, a2: string, ...records: string[]): string[] =>
      filesOf(call("renameat2", { a0, a2 }), ...records);
    assert.deepEqual(rename(AT_FDCWD, "5", ...moved).slice(2), ["DELETE /srv/app/old", "CREATE new <descriptor>"]);
    assert.deepEqual(rename("5", AT_FDCWD, ...moved).slice(2), ["DELETE old <descriptor>", "CREATE /srv/app/new"]);
    assert.deepEqual(rename("5", AT_FDCWD, ...moved).slice(0, 2), ["PARENT . <unknown>", "PARENT . <unknown>"]);
    assert.deepEqual(rename("5", "6", ...moved).slice(1), [
      "PARENT . <descriptor>",
      "DELETE old <descriptor>",
      "CREATE new <descriptor>",
    ]);
    const replaced = [CWD, path(2, "old", "DELETE"), path(3, "new", "DELETE"), path(4, "new", "CREATE")];
    assert.deepEqual(rename(AT_FDCWD, "5", ...replaced), [
      "DELETE old <unknown>",
      "DELETE new <unknown>",
      "CREATE new <descriptor>",
    ]);
    assert.deepEqual(rename(AT_FDCWD, AT_FDCWD, ...replaced)[1], "DELETE /srv/app/new");
    const failed = [CWD, path(0, "x", "UNKNOWN"), path(1, "made", "UNKNOWN")];
    assert.deepEqual(filesOf(call("linkat", { a0: AT_FDCWD, a2: "5", success: "no", exit: -2 }), ...failed), [
      "UNKNOWN x <unknown>",
      "UNKNOWN made <unknown>",
    ]);
    const mounts = [CWD, path(0, "dir", "NORMAL"), path(1, "sub", "NORMAL")];
    assert.deepEqual(filesOf(call("move_mount", { a0: "5", a2: AT_FDCWD }), ...mounts), [
      "NORMAL dir <unknown>",
      "NORMAL sub <unknown>",
    ]);
    assert.deepEqual(filesOf(call("move_mount", { a0: AT_FDCWD, a2: AT_FDCWD }), ...mounts)[1], "NORMAL /srv/app/sub");
    assert.deepEqual(filesOf(call("move_mount", { a0: "5", a2: "6" }), ...mounts)[1], "NORMAL sub <descriptor>");
  });

  it("the target of a link is a text and not a name in the working directory", () => {
    const records = [CWD, path(0, "dir/", "PARENT"), path(1, "../target", "UNKNOWN"), path(2, "dir/link", "CREATE")];
    assert.deepEqual(filesOf(call("symlink"), ...records), [
      "PARENT /srv/app/dir",
      "UNKNOWN ../target <unknown>",
      "CREATE /srv/app/dir/link",
    ]);
    assert.deepEqual(filesOf(call("symlinkat", { a1: "5" }), ...records), [
      "PARENT dir/ <descriptor>",
      "UNKNOWN ../target <unknown>",
      "CREATE dir/link <descriptor>",
    ]);
    assert.deepEqual(filesOf(call("symlinkat", { a0: "5", a1: AT_FDCWD }), ...records)[2], "CREATE /srv/app/dir/link");
  });

  it("an io_uring operation does not tell its directory", () => {
    const operation = (name: string): string =>
      `URINGOP uring_op=${URING_OPERATION.number(name)} success=yes exit=0 items=1 ppid=1 pid=7 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 key="u"`;
    for (const name of ["openat", "openat2", "statx", "unlinkat", "mkdirat", "renameat", "linkat"]) {
      assert.deepEqual(filesOf(operation(name), CWD, path(0, "x", "NORMAL")), ["NORMAL x <unknown>"], name);
      assert.deepEqual(filesOf(operation(name), CWD, path(0, "/x", "NORMAL")), ["NORMAL /x"], name);
    }
    assert.deepEqual(filesOf(operation("setxattr"), CWD, path(0, "x", "NORMAL")), ["NORMAL /srv/app/x"]);
    assert.deepEqual(filesOf(call("io_uring_enter"), operation("openat"), CWD, path(0, "x", "NORMAL")), [
      "NORMAL x <unknown>",
    ]);
  });

  it("without a working directory nothing is resolved, and without a name there is nothing to resolve", () => {
    assert.deepEqual(filesOf(call("open"), path(0, "x", "NORMAL")), ["NORMAL x <unknown>"]);
    assert.deepEqual(filesOf(call("open"), "CWD cwd=(null)", path(0, "x", "NORMAL")), ["NORMAL x <unknown>"]);
    assert.deepEqual(filesOf(call("openat", { a0: "5" }), CWD, "PATH item=0 name=(null) inode=1 nametype=NORMAL"), [
      "NORMAL ",
    ]);
  });

  it("openat2 may make its directory the root of all names", () => {
    const how = "OPENAT2 oflag=0102 mode=0600 resolve=0x10";
    const files = (a0: string, ...records: string[]): string[] =>
      filesOf(call("openat2", { a0 }), how, CWD, ...records);
    assert.deepEqual(files("5", path(0, "/", "PARENT"), path(1, "/inroot", "CREATE")), [
      "PARENT . <descriptor>",
      "CREATE inroot <descriptor>",
    ]);
    assert.deepEqual(files(AT_FDCWD, path(0, "/dir/../../etc/x", "NORMAL")), ["NORMAL /srv/app/etc/x"]);
    assert.deepEqual(files(AT_FDCWD, path(0, "../../x", "NORMAL")), ["NORMAL /srv/app/x"]);
    assert.deepEqual(files(AT_FDCWD, path(0, "/srv/app", "PARENT"), path(1, "x", "CREATE")), [
      "PARENT /srv/app",
      "CREATE /srv/app/x",
    ]);
    const beneath = "OPENAT2 oflag=0102 mode=0600 resolve=0x8";
    assert.deepEqual(filesOf(call("openat2", { a0: "5" }), beneath, CWD, path(0, "/etc/x", "NORMAL")), [
      "NORMAL /etc/x",
    ]);
  });

  it("openat2 has its flags in a record of their own", () => {
    const opened = (flags: string, nametype = "NORMAL"): string | undefined =>
      eventOf(
        call("openat2"),
        `OPENAT2 oflag=${flags} mode=00 resolve=0x0`,
        CWD,
        path(0, "/x", nametype),
      ).event?.type.join();
    assert.equal(opened("00"), "access");
    assert.equal(opened("01"), "change");
    assert.equal(opened("02000002"), "change");
    assert.equal(opened("01000"), "change", "O_TRUNC");
    assert.equal(opened("02000000"), "access", "O_CLOEXEC");
    assert.equal(opened("0102", "CREATE"), "creation");
    const read = (key: string, value: string): string =>
      interpretField(RECORD.OPENAT2, key, value, { archName: "x86_64", call: "openat2", success: "yes" });
    assert.equal(read("oflag", "0100302"), "O_RDWR|O_CREAT|O_EXCL|O_LARGEFILE");
    assert.equal(read("resolve", "0xa"), "RESOLVE_NO_MAGICLINKS|RESOLVE_BENEATH");
    assert.equal(read("mode", "0600"), "600");
  });

  it("creat of a file that is there is no creation", () => {
    const types = (...records: string[]): string | undefined => eventOf(...records).event?.type.join();
    assert.equal(types(call("creat"), CWD, path(0, "here", "NORMAL")), "change");
    assert.equal(types(call("creat"), CWD, path(0, "/srv/app", "PARENT"), path(1, "made", "CREATE")), "creation");
    assert.equal(types(call("creat", { success: "no", exit: -13 }), CWD, path(0, "x", "UNKNOWN")), "change");
  });

  it("older kernels call the nametype objtype", () => {
    const records = [CWD, path(0, "/srv/app", "PARENT", "objtype"), path(1, "x", "CREATE", "objtype")];
    const event = eventOf(call("open"), ...records);
    assert.equal(event.files[0]?.path, "/srv/app/x");
    assert.deepEqual(event.event?.type, ["creation"]);
  });
});
