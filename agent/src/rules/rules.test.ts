import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CompiledRule, compileRules, type RuleHost } from "./compile.ts";
import { decodeRule } from "./data.ts";
import { describeRule } from "./describe.ts";
import { loadedRules, planRules } from "./plan.ts";

const HOST: RuleHost = {
  arch: "x86_64",
  userId: (name) => (name === "root" ? 0 : name === "bob" ? 1001 : undefined),
  groupId: (name) => (name === "wheel" ? 10 : undefined),
  isDirectory: (path) => path === "/etc" || path === "/srv/data",
};

const compile = (text: string, change: Partial<RuleHost> = {}): ReturnType<typeof compileRules> =>
  compileRules(text, "my.rules", { ...HOST, ...change });

function one(text: string, change: Partial<RuleHost> = {}): CompiledRule {
  const { rules, errors } = compile(text, change);
  assert.deepEqual(errors, []);
  assert.equal(rules.length, 1);
  return rules[0] as CompiledRule;
}

describe("compileRules", () => {
  it("sets the bit of each system call and the fields in the kernel's layout", () => {
    const { payload } = one("# a comment\n\n-a always,exit -F arch=b64 -S execve,connect -F auid>=1000 -k my_key");
    const word = (index: number): number => payload.readUInt32LE(index * 4);
    assert.deepEqual([word(0), word(1), word(2)], [4, 2, 3]);
    assert.equal(word(3 + 1), (1 << (59 - 32)) | (1 << (42 - 32)));
    const fields = 3 + 64;
    assert.deepEqual([word(fields), word(fields + 1), word(fields + 2)], [11, 9, 210]);
    assert.deepEqual([word(fields + 64), word(fields + 65), word(fields + 66)], [0xc000003e, 1000, 6]);
    assert.deepEqual([word(fields + 128), word(fields + 129)], [0x40000000, 0x60000000]);
    assert.equal(payload.subarray(-6).toString(), "my_key");
  });

  const described: [string, string][] = [
    ["-a exit,always -F arch=b32 -S socketcall", "-a always,exit -S socketcall -F arch=i386"],
    ["-w /etc -p wa -k etc", "-a always,exit -S all -F dir=/etc -F perm=wa -k etc"],
    ["-w /etc/passwd", "-a always,exit -S all -F path=/etc/passwd -F perm=xwra"],
    ["-w /srv/new/ -p w", "-a always,exit -S all -F dir=/srv/new -F perm=w"],
    [
      "-a always,exit -F uid=bob -F gid!=wheel -F auid=unset",
      "-a always,exit -S all -F uid=1001 -F gid!=10 -F auid=unset",
    ],
    [
      "-a always,exit -S open -F exit=-EACCES -F success=no -F arch=b64",
      "-a always,exit -S open -F exit=-EACCES -F success=0 -F arch=x86_64",
    ],
    ["-a never,exclude -F msgtype=CRYPTO_KEY_USER", "-a never,exclude -F msgtype=CRYPTO_KEY_USER"],
    ["-a always,exit -C auid!=obj_uid -F filetype=file", "-a always,exit -S all -C auid!=obj_uid -F filetype=file"],
    [
      "-a always,exit -S connect -F arch=b64 -F saddr_fam=inet6 -F a0&=4",
      "-a always,exit -S connect -F arch=x86_64 -F saddr_fam=inet6 -F a0&=4",
    ],
    ["-a never,filesystem -F fstype=tracefs", "-a never,filesystem -F fstype=1953653091"],
    ["-A never,exit -F pid=7", "-A never,exit -S all -F pid=7"],
    [
      '-a always,exit -F "dir=/srv/data" -k "two words" -k b',
      "-a always,exit -S all -F dir=/srv/data -k two words -k b",
    ],
    ["-a always,io_uring -S all -k u", "-a always,io_uring -k u"],
    ["-a always,io_uring -S openat -F uid=bob -k u", "-a always,io_uring -S openat -F uid=1001 -k u"],
    ["-a always,io_uring -S IORING_OP_CONNECT,33,unlinkat", "-a always,io_uring -S connect,tee,unlinkat"],
    ["-a never,exit -F arch=b64 -S shmat -k shm", "-a never,exit -S shmat -F arch=x86_64 -k shm"],
    ["-a never,task -F uid=bob -k shm", "-a never,task -F uid=1001 -k shm"],
    ["-a always,exit -F dir=/etc/ -F perm=wa", "-a always,exit -S all -F dir=/etc/ -F perm=wa"],
    ["-a always,exit -F perm=r -F perm=w -F dir=/etc", "-a always,exit -S all -F perm=r -F perm=w -F dir=/etc"],
    [
      "-a always,exit -F path=/bin/su -F perm=x -F sessionid!=unset",
      "-a always,exit -S all -F path=/bin/su -F perm=x -F sessionid!=unset",
    ],
  ];
  for (const [text, expected] of described) {
    it(`understands ${text}`, () => {
      const { data, payload } = one(text);
      assert.equal(describeRule(data), expected);
      assert.deepEqual(decodeRule(payload), data);
    });
  }

  /** What auditctl 3.0.9 made of these on a kernel of 6.18, by `auditctl -l`. */
  const numbers: [string, number][] = [
    ["a2&0100", 0x40],
    ["a2=0x40", 0x40],
    ["a0=0X1f", 31],
    ["a2&-1", 0xffffffff],
    ["a2=-010", 0xfffffff8],
    ["a3=0", 0],
    ["exit=010", 8],
    ["exit=0x10", 16],
    ["exit=-013", -11 >>> 0],
    ["exit=-0xd", -13 >>> 0],
    ["inode=0100", 64],
    ["inode=0x100", 256],
    ["auid=01000", 512],
    ["auid>=0x3e8", 1000],
    ["auid=-2", 0xfffffffe],
    ["auid!=-1", 0xffffffff],
    ["auid!=0xffffffff", 0xffffffff],
    ["gid=010", 8],
    ["obj_uid=010", 8],
    ["pid=010", 8],
    ["ppid=0x10", 16],
    ["sessionid=010", 8],
    ["devmajor=010", 8],
    ["pers=010", 8],
    ["success=01", 1],
    ["saddr_fam=012", 10],
    ["saddr_fam=0xa", 10],
    ["arch=0xc000003e", 0xc000003e],
    ["arch=3221225534", 0xc000003e],
  ];
  for (const [field, value] of numbers) {
    it(`reads the number of ${field} by C's rule`, () => {
      assert.equal(one(`-a always,exit -F ${field}`).data.fields[0]?.value, value);
    });
  }

  it("reads numbers of record types, file systems and system calls by C's rule, too", () => {
    assert.equal(one("-a never,exclude -F msgtype=02410").data.fields[0]?.value, 1288);
    assert.equal(one("-a never,filesystem -F fstype=0100").data.fields[0]?.value, 64);
    for (const call of ["0x101", "0401", "257"]) {
      assert.equal(describeRule(one(`-a always,exit -F arch=b64 -S ${call}`).data).includes("-S openat "), true, call);
    }
  });

  it("reads every number of 32 bits as it was written, whatever the base", () => {
    fc.assert(
      fc.property(fc.integer({ min: -0x80000000, max: 0xffffffff }), fc.constantFrom(8, 10, 16), (number, base) => {
        const prefix = base === 16 ? "0x" : base === 8 ? "0" : "";
        const text = `${number < 0 ? "-" : ""}${prefix}${Math.abs(number).toString(base)}`;
        assert.equal(one(`-a always,exit -F a1=${text}`).data.fields[0]?.value, number >>> 0, text);
      }),
    );
  });

  it("tells of a rule that its list takes and never matches", () => {
    const { rules, notes } = compile("-a never,user -F euid=0\n-a never,task -F uid=0 -F arch=b64");
    assert.equal(rules.length, 2);
    assert.match(notes[0]?.reason ?? "", /^the list user has no euid: this rule never matches$/);
    assert.match(notes[1]?.reason ?? "", /^the list task has no arch/);
  });

  it("takes keys of 256 bytes together, and not one more", () => {
    const keys = `-k ${"a".repeat(127)} -k ${"b".repeat(128)}`;
    assert.equal(String(one(`-w /etc ${keys}`).data.fields.at(-1)?.value).length, 256);
    assert.match(compile(`-w /etc ${keys} -k c`).errors[0]?.reason ?? "", /at most 256 bytes together/);
  });

  const refused: [string, string, RegExp][] = [
    ["an octal number with a nine", "-a always,exit -F a2&09", /"09" is no number for a2; allowed are .*octal/],
    ["a number with more behind it", "-a always,exit -F a2&12abc", /"12abc" is no number for a2/],
    ["a number of 33 bits", "-a always,exit -F inode=0x100000000", /too large for inode/],
    ["a user with a digit first", "-a always,exit -F uid=0bob", /"0bob" is no number for uid/],
    ["a uid that is unset", "-a always,exit -F uid=-1", /uid is never unset/],
    ["a gid that is unset", "-a always,exit -F gid=unset", /gid is never unset/],
    ["an order of what is unset", "-a always,exit -F auid>=unset", /allowed are = and !=/],
    ["a bit test of a pid", "-a always,exit -F pid&1", /pid& is not possible/],
    [
      "a path in exclude",
      "-a never,exclude -F path=/etc/passwd",
      /^path belongs to the lists exit and io_uring; it stands/,
    ],
    ["a dir in exclude", "-a never,exclude -F dir=/etc", /^dir belongs to/],
    ["a path in user", "-a never,user -F path=/etc/passwd", /^path belongs to/],
    ["a dir in user", "-a never,user -F dir=/etc", /^dir belongs to/],
    ["a dir in task", "-a never,task -F dir=/etc", /^dir belongs to/],
    ["an inode in user", "-a never,user -F inode=1", /^inode belongs to/],
    ["a uid in filesystem", "-a never,filesystem -F uid=0", /^uid belongs to/],
    ["a key in exclude", "-a never,exclude -F msgtype=CWD -k x", /^key belongs to/],
    ["a comparison in exclude", "-a never,exclude -C uid!=auid", /^-C belongs to the lists exit and io_uring/],
    ["any path but one", "-a always,exit -F path!=/etc/passwd", /path!= is not possible; allowed are =/],
    ["any dir but one", "-a always,exit -F dir!=/etc", /dir!= is not possible; allowed are =/],
    ["a path with a slash at its end", "-a always,exit -F path=/etc/", /"\/etc\/" ends with a slash.*dir=/],
    ["an exe with a slash at its end", "-a always,exit -F exe=/bin/", /"\/bin\/" ends with a slash/],
    ["perm with io_uring", "-a always,io_uring -S openat -F perm=r", /^perm belongs to the list exit/],
    ["-p with io_uring", "-a always,io_uring -S openat -p r", /^perm belongs to the list exit/],
    ["two watches by -w", "-w /a -w /b -p wa", /-w stands twice/],
    ["two permissions by -p", "-w /a -p w -p r", /-p stands twice/],
    ["two architectures", "-a always,exit -F arch=b64 -F arch=b32 -S open", /arch cannot be two values at once/],
    ["two users at once", "-a always,exit -F uid=0 -F uid=bob", /uid cannot be two values at once/],
    ["two executables", "-a always,exit -F exe=/bin/a -F exe=/bin/b", /one rule has one exe/],
    ["an inode and a path", "-a always,exit -F inode=1 -F path=/a", /one rule watches one path, dir or inode/],
    [
      "an unknown operation of io_uring",
      "-a always,io_uring -S execve",
      /io_uring has no operation "execve"; known are nop/,
    ],
    ["a system call beyond the mask", "-a always,exit -S 0x7ff", /-S 0x7ff is beyond/],
    ["a system call below 0", "-a always,exit -S -1", /-S -1 is beyond/],
    ["an empty key", "-w /etc -k ''", /at least one byte/],
    ["a NUL byte", "-w /etc/pass\u0000wd -p wa", /NUL byte/],
    ["an unknown system call", "-a always,exit -F arch=b64 -S nope", /^there is no system call "nope"/],
    ["an unknown field", "-a always,exit -F nope=1", /field "nope" is not known; known are pid/],
    ["a field of every object", "-a always,exit -F constructor=1", /field "constructor" is not known/],
    ["an unknown option", "-z x", /option "-z" is not known; allowed are/],
    ["an unknown action", "-a sometimes,exit -k x", /"sometimes,exit" is no list and action; lists are/],
    ["a wrong number", "-a always,exit -F pid=abc", /"abc" is no number for pid/],
    ["an unknown user", "-a always,exit -F uid=eve", /this host has no user "eve"/],
    ["a relative watch", "-w etc -p wa", /must be absolute/],
    ["a wrong permission", "-w /etc -p wz", /permission "z"/],
    ["an option without value", "-a", /-a needs a value/],
    ["an operator that the kernel refuses", "-a always,exit -F arch>b64", /arch> is not possible/],
    ["a deletion", "-W /etc", /deletes a rule/],
    ["-S on a list without system calls", "-a always,user -S open", /list user knows no system calls/],
    ["msgtype on exit", "-a always,exit -F msgtype=CWD", /msgtype belongs to the lists exclude and user/],
    ["two watches in one", "-a always,exit -F path=/a -F dir=/b", /one rule watches one path/],
    ["an impossible comparison", "-a always,exit -C uid=pid", /cannot be compared/],
    ["a foreign architecture", "-a always,exit -F arch=ppc64", /arch "ppc64"; on x86_64 allowed are b64, b32/],
    ["a key that is too long", `-w /etc -k ${"k".repeat(300)}`, /at most 256 bytes/],
  ];
  for (const [what, text, pattern] of refused) {
    it(`names ${what} with file and line, and keeps the other rules`, () => {
      const { rules, errors } = compile(`\n${text}\n-w /etc -p w`);
      assert.equal(rules.length, 1);
      assert.equal(errors.length, 1);
      assert.deepEqual([errors[0]?.file, errors[0]?.line, errors[0]?.source], ["my.rules", 2, text]);
      assert.match(errors[0]?.reason ?? "", pattern);
    });
  }

  it("leaves auditctl's commands out with a note", () => {
    const { rules, errors, notes } = compile("-D\n-b 8192\n-e 2\n-f 1\n--backlog_wait_time 60000\n-w /etc -p w\n-i\n");
    assert.equal(rules.length, 1);
    assert.deepEqual(errors, []);
    assert.equal(notes.length, 6);
    assert.match(notes[2]?.reason ?? "", /-e is left out: .*locking is left to the host/);
  });

  it("leaves out what another architecture has, and says so", () => {
    const { data } = one("-a always,exit -F arch=b64 -S open,openat", { arch: "aarch64" });
    assert.equal(describeRule(data), "-a always,exit -S openat -F arch=aarch64");
    const none = compile("-a always,exit -F arch=b64 -S open,unlink", { arch: "aarch64" });
    assert.deepEqual([none.rules.length, none.errors.length, none.notes.length], [0, 0, 3]);
    assert.match(none.notes[2]?.reason ?? "", /makes no rule/);
  });

  it("never throws, whatever a file holds", () => {
    const word = fc.constantFrom(
      "-a",
      "-w",
      "-S",
      "-F",
      "-k",
      "always,exit",
      "/etc",
      "arch=b64",
      "open",
      "pid=1",
      "-C",
      "'",
      '"',
      "auid>=1",
      "=",
      "",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(" ")),
        ),
        (text) => {
          const { rules, errors } = compile(text);
          assert.ok(rules.length + errors.length <= text.split("\n").length);
          for (const { payload, data } of rules) assert.deepEqual(decodeRule(payload), data);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => void decodeRule(Buffer.from(bytes))));
  });
});

describe("a plan", () => {
  const A = "-w /etc -p wa -k a";
  const B = "-a always,exit -F arch=b64 -S execve -k b";
  const C = "-w /srv/data -p w -k c";
  const FIRST = "-A never,exit -F pid=7";

  function plan(loaded: string[], ours: string[], wanted: string[]): Record<string, string[]> {
    const rules = (lines: string[]): CompiledRule[] => compile(lines.join("\n")).rules;
    const own = new Set(rules(ours).map(({ identity }) => identity));
    const { remove, add, kept, foreign } = planRules(
      loadedRules(rules(loaded).map(({ payload }) => payload)),
      rules(wanted),
      (identity) => own.has(identity),
    );
    const keys = (list: { data: CompiledRule["data"] }[]): string[] =>
      list.map(({ data }) => describeRule(data).slice(-1));
    return { remove: keys(remove), add: keys(add), kept: keys(kept), foreign: keys(foreign) };
  }

  it("changes nothing where all is there", () => {
    assert.deepEqual(plan([FIRST, A, B], [FIRST, A, B], [FIRST, A, B]), {
      remove: [],
      add: [],
      kept: ["7", "a", "b"],
      foreign: [],
    });
  });

  it("adds what is missing and removes what is ours and not wanted any more", () => {
    assert.deepEqual(plan([A, B], [A, B], [A, C]), { remove: ["b"], add: ["c"], kept: ["a"], foreign: [] });
  });

  it("never touches what others put there", () => {
    assert.deepEqual(plan([A, B], [], [C]), { remove: [], add: ["c"], kept: [], foreign: ["a", "b"] });
    assert.deepEqual(plan([A], [], [A]), { remove: [], add: [], kept: ["a"], foreign: [] });
  });

  it("keeps the order, since the first rule that matches decides", () => {
    assert.deepEqual(plan([A, B, C], [A, B, C], [B, A, C]), {
      remove: ["b", "a", "c"],
      add: ["b", "a", "c"],
      kept: [],
      foreign: [],
    });
    assert.deepEqual(plan([A, C], [A, C], [A, B, C]), { remove: ["c"], add: ["b", "c"], kept: ["a"], foreign: [] });
  });

  it("exchanges what is put first without touching the others", () => {
    assert.deepEqual(plan([FIRST, A, B], [FIRST, A, B], ["-A never,exit -F pid=8", A, B]), {
      remove: ["7"],
      add: ["8"],
      kept: ["a", "b"],
      foreign: [],
    });
  });
});
