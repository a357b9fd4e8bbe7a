import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { condenseRecords, RECORD, recordText, splitWords } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import type { RawRecord, RecordGroup } from "../model/index.ts";
import { Reassembler } from "../reassemble/index.ts";
import { parseLogLine } from "../source/index.ts";
import { decode } from "./index.ts";

const CAPTURE = new URL("../../../bench/captures/workload.log.gz", import.meta.url);

function record(type: number, text: string): RawRecord {
  return {
    type,
    node: "",
    seconds: 1,
    milliseconds: 2,
    serial: 3,
    text,
    actor: "",
    call: undefined,
    enriched: "",
    position: 0,
  };
}

function group(...records: RawRecord[]): RecordGroup {
  return { node: "", seconds: 1, milliseconds: 2, serial: 3, records, partial: "" };
}

/** Decodes and condenses as the pipeline does. */
function eventOf(groupOf: RecordGroup): Event {
  const { event, words } = decode(groupOf);
  if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
  return event;
}

const SYSCALL =
  "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=7ffc a2=0 a3=8 items=2 ppid=1 pid=2 auid=1000 uid=0 gid=0 euid=0 " +
  'suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm="ls" exe="/bin/ls" key="k"';

function execve(...texts: string[]): string[] {
  const records = texts.map((text) => record(RECORD.EXECVE, text));
  return eventOf(group(record(RECORD.SYSCALL, SYSCALL), ...records)).process?.args ?? [];
}

describe("a recorded capture", () => {
  it("is given back byte for byte by the events made of it", () => {
    const groups: RecordGroup[] = [];
    const reassembler = new Reassembler({ timeoutMs: 1, bytesMax: 1 << 30, endOfEventExpected: true }, (whole) =>
      groups.push(whole),
    );
    for (const line of gunzipSync(readFileSync(CAPTURE)).toString("latin1").trimEnd().split("\n")) {
      const parsed = parseLogLine(line);
      assert.ok(parsed !== undefined, line);
      reassembler.push(parsed, 0);
    }
    reassembler.flush("");
    let records = 0;
    for (const whole of groups) {
      const event = eventOf(whole);
      for (const [index, { text }] of whole.records.entries()) {
        assert.equal(recordText(event, index), text);
        records++;
      }
    }
    assert.ok(records > 10_000, `${records} records`);
  });
});

describe("EXECVE", () => {
  it("takes quoted text literally and unquoted text as hex", () => {
    assert.deepEqual(execve('argc=3 a0="ls" a1="3005" a2=2D6C20C3A9'), ["ls", "3005", "-l é"]);
  });

  it("keeps empty arguments, and a hole where an old kernel left one out", () => {
    assert.deepEqual(execve('argc=4 a0="x" a1="" a3="y"'), ["x", "", "", "y"]);
  });

  it("is not fooled by backslashes and apostrophes", () => {
    assert.deepEqual(execve(`argc=3 a0="C:\\" a1="x" a2="'"`), ["C:\\", "x", "'"]);
  });

  it("joins split arguments whose fragments and records come in any order", () => {
    const parts = [' a1[1]=4344 a2="z"', 'argc=3 a0="x" a1_len=8 a1[0]=4142'];
    assert.deepEqual(execve(...parts), ["x", "ABCD", "z"]);
    assert.deepEqual(execve(...parts.toReversed()), ["x", "ABCD", "z"]);
  });

  it("does not make an argument list that the record does not bring", () => {
    assert.ok(execve('argc=4000000000 a0="x"').length <= 4096);
  });
});

describe("a system call", () => {
  const syscall = (change: (text: string) => string): Event => eventOf(group(record(RECORD.SYSCALL, change(SYSCALL))));

  it("has its name by its architecture", () => {
    const name = (arch: string, number: string): string | undefined =>
      syscall((text) => text.replace("c000003e", arch).replace("syscall=59", `syscall=${number}`)).audit?.syscall?.name;
    assert.equal(name("c000003e", "59"), "execve");
    assert.equal(name("40000003", "11"), "execve");
    assert.equal(name("c000003e", String(0x40000000 + 520)), "execve");
    assert.equal(name("c00000b7", "221"), "execve");
  });

  it("that is still connecting has not failed", () => {
    const connect = (exit: number): string | undefined =>
      syscall((text) => text.replace("syscall=59 success=yes exit=0", `syscall=42 success=no exit=${exit}`)).event
        ?.outcome;
    assert.equal(connect(-115), "success");
    assert.equal(connect(-111), "failure");
  });

  it("has all keys of the rules that matched", () => {
    assert.deepEqual(syscall((text) => text.replace('key="k"', "key=6B31016B32")).audit?.keys, ["k1", "k2"]);
    assert.deepEqual(syscall((text) => text.replace('key="k"', "key=(null)")).audit?.keys, []);
  });

  it("decodes names that the kernel wrote as hex", () => {
    assert.equal(syscall((text) => text.replace('comm="ls"', "comm=2873642D70616D29")).process?.name, "(sd-pam)");
  });
});

describe("PATH", () => {
  const files = (syscallChange: (text: string) => string, ...paths: string[]): string[] => {
    const cwd = record(RECORD.CWD, 'cwd="/srv/app"');
    const records = paths.map((text) => record(RECORD.PATH, text));
    const event = eventOf(group(record(RECORD.SYSCALL, syscallChange(SYSCALL)), cwd, ...records));
    return event.files.map((file) => `${file.nametype} ${file.path}`);
  };

  it("finds the object by its nametype and not by its number", () => {
    const unlink = (text: string): string => text.replace("syscall=59", "syscall=87");
    const paths = ['item=0 name="/tmp/" inode=1 nametype=PARENT', 'item=1 name="/tmp/x" inode=2 nametype=DELETE'];
    assert.deepEqual(files(unlink, ...paths), ["DELETE /tmp/x", "PARENT /tmp/"]);
  });

  it("resolves a relative name against the working directory, but not one relative to a descriptor", () => {
    const openat =
      (descriptor: string) =>
      (text: string): string =>
        text.replace("syscall=59", "syscall=257").replace("a0=1", `a0=${descriptor}`);
    const path = 'item=0 name="../x" inode=2 nametype=NORMAL';
    assert.deepEqual(files(openat("ffffff9c"), path), ["NORMAL /srv/x"]);
    assert.deepEqual(files(openat("ffffffffffffff9c"), path), ["NORMAL /srv/x"]);
    assert.deepEqual(files(openat("5"), path), ["NORMAL ../x"]);
  });

  it("may have no name", () => {
    assert.deepEqual(
      files((text) => text, "item=0 name=(null) nametype=UNKNOWN"),
      ["UNKNOWN "],
    );
  });
});

describe("SOCKADDR", () => {
  const destination = (saddr: string): Partial<NonNullable<Event["destination"]>> | undefined => {
    const connect = record(RECORD.SYSCALL, SYSCALL.replace("syscall=59", "syscall=42"));
    return eventOf(group(connect, record(RECORD.SOCKADDR, `saddr=${saddr}`))).destination;
  };
  const cases: [string, string, string, string, number][] = [
    ["an IPv4 address", "020001BB7F0000010000000000000000", "inet", "127.0.0.1", 443],
    ["a big-endian host's family", "0002D9037F0000010000000000000000", "inet", "127.0.0.1", 0xd903],
    ["an IPv6 address", `0A0000500000000020010DB800000000000000000000000100000000`, "inet6", "2001:db8::1", 80],
    ["a mapped address", `0A0000500000000000000000000000000000FFFF7F00000100000000`, "inet6", "127.0.0.1", 80],
    ["a unix path", "01002F72756E2F7800", "unix", "/run/x", 0],
    ["a short unix path", "01002F72756E2F78", "unix", "/run/x", 0],
    ["an abstract unix name", "010000616263", "unix", "@abc", 0],
    ["an unnamed unix socket", "0100", "unix", "", 0],
    ["netlink", "100000000000000000000000", "netlink", "pid 0", 0],
    ["a family without a name", "2A000000", "family-42", "", 0],
  ];
  for (const [what, saddr, family, address, port] of cases) {
    it(`of ${what}`, () => {
      const endpoint = destination(saddr);
      assert.deepEqual([endpoint?.family, endpoint?.address, endpoint?.port], [family, address, port]);
    });
  }
});

describe("what user space wrote", () => {
  it("never overrides the kernel's own fields", () => {
    const text = 'pid=77 uid=0 auid=1000 ses=1 msg=\'op=x pid=1 uid=4242 acct="o\'brien" exe="/bin/x" res=failed\'';
    const event = eventOf(group(record(1100, text)));
    assert.equal(event.process?.pid, 77);
    assert.equal(event.user?.id, 0);
    assert.equal(event.user?.targetName, "o'brien");
    assert.equal(event.event?.outcome, "failure");
    assert.equal(event.event?.action, "authenticated");
    assert.equal(recordText(event, 0), text);
  });
});

describe("any text", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "=", " ", '"', "'", "(", "0", "\u00e9", "\u00ff", "\0") }),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
  );

  it("is split into words that give it again", () => {
    fc.assert(
      fc.property(text, (value) => {
        const { keys, values } = splitWords(1, value);
        const again = keys.map((key, at) => (key === "" ? values[at] : `${key}=${values[at]}`)).join(" ");
        assert.equal(again, value);
      }),
      { numRuns: 3000 },
    );
  });

  it("in records of any type is decoded without an error, and kept", () => {
    const types = fc.constantFrom(...Object.values(RECORD), 1100, 1006, 1400, 9999);
    const records = fc.array(fc.tuple(types, text), { minLength: 1, maxLength: 5 });
    const decoder = new TextDecoder();
    fc.assert(
      fc.property(records, (list) => {
        const whole = group(...list.map(([type, value]) => record(type, value)));
        const event = eventOf(whole);
        for (const [index, { text: original }] of whole.records.entries()) {
          const bytes = Uint8Array.from(original, (character) => character.charCodeAt(0));
          // What is not UTF-8 shows as U+FFFD here; the exact bytes are in the record's fields.
          assert.equal(
            recordText(event, index).replaceAll("\ufffd", ""),
            decoder.decode(bytes).replaceAll("\ufffd", ""),
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("in typed records is kept too when it is nearly what the kernel writes", () => {
    const fields = SYSCALL.split(" ");
    const edits = fc.array(fc.tuple(fc.nat(fields.length - 1), text), { maxLength: 3 });
    fc.assert(
      fc.property(edits, (changes) => {
        const changed = [...fields];
        for (const [at, value] of changes)
          changed[at] = `${changed[at]?.split("=")[0]}=${value.replaceAll(/[^\x21-\x7e]/g, "")}`;
        const event = eventOf(group(record(RECORD.SYSCALL, changed.join(" "))));
        assert.equal(recordText(event, 0), changed.join(" "));
      }),
      { numRuns: 2000 },
    );
  });
});
