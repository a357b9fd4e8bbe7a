/** What only a real kernel shows. Each test gives back what it took, whatever happens. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readCall, RECORD } from "@hosttrail/lib/audit";
import { Random } from "../fuzz/random.ts";
import { KernelAudit, native, RECORD_HEAD, whyNoAudit } from "../src/kernel/index.ts";
import { SerialGaps } from "../src/ledger/index.ts";
import { type RawRecord, textOf } from "../src/model/index.ts";
import { KernelHold, readRules } from "../src/rules/index.ts";
import { openSource, type Source } from "../src/source/index.ts";
import { differing, makeEvents } from "./bothways.ts";
import { hostileStream } from "./hostile.ts";
import { frameOf, writeRing } from "./ring.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const ADDON = process.env["HOSTTRAIL_ADDON"] ?? join(ROOT, "agent/native/build/audit.node");
const MIB = 1024 * 1024;
/** A message of user space that means nothing (AUDIT_USER). */
const USER = 1005;

const missing = whyNoAudit();

const OPTIONS = { path: "", receiveBufferBytes: 16 * MIB, ringBytes: 64 * MIB, ringPath: "", bootId: "" };

/** What stands before `auid` in a SYSCALL record: as a kernel writes it, or nearly so. */
function callOf(random: Random): string {
  const hex = (): string =>
    random.pick(["0", "7f", "ffffff9c", "ffffffffffffffff", "80000000", "0f", "FF", "10000000000000000", ""]);
  const decimal = (): string =>
    random.pick(["0", "1", "257", "4294967295", "4294967296", "007", "-1", "1234567890123456", ""]);
  const often = (usual: string, other: () => string): string => (random.next(12) === 0 ? other() : usual);
  const words = [
    `arch=${often("c000003e", hex)}`,
    `syscall=${often("257", decimal)}`,
    `success=${random.pick(["yes", "yes", "no", often("no", decimal)])}`,
    `exit=${random.pick(["3", "-13", "-0", "9007199254740991", "999999999999999", "-999999999999999", "-9223372036854775808"])}`,
    ...["a0", "a1", "a2", "a3"].map(
      (name) => `${name}=${often(random.pick(["0", "ffffff9c", "ffffffffffffff9c", "1b"]), hex)}`,
    ),
    `items=${often("1", decimal)}`,
    `ppid=${often("10", decimal)}`,
    `pid=${often("77", decimal)}`,
  ];
  if (random.next(20) === 0) words.splice(random.next(words.length), 1);
  return words.join(" ");
}

describe("traps: the kernel", { skip: missing ?? false }, () => {
  let folder: string;
  let hold: KernelHold;
  const kernel = missing === undefined ? new KernelAudit() : undefined;
  const audit = (): KernelAudit => kernel as KernelAudit;
  const say = (text: string): unknown => audit().request(USER, Buffer.from(`${text}\0`));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-traps-"));
    hold = new KernelHold(audit(), folder);
    hold.applySettings({ enabled: 1, backlogLimit: 65_536, backlogWaitTime: 0 });
  });
  after(() => {
    hold.release();
    rmSync(folder, { recursive: true });
  });

  /** Reads while something runs, and stops whatever happens. */
  async function reading(
    mode: "unicast" | "multicast" | "auto",
    change: Partial<typeof OPTIONS>,
    run: (records: RawRecord[], source: Source) => Promise<void>,
    each?: (source: Source, count: number) => void,
  ): Promise<RawRecord[]> {
    const records: RawRecord[] = [];
    const source: Source = openSource({ ...OPTIONS, ...change, mode }, (record) => {
      const count = records.push(record);
      each?.(source, count);
    });
    try {
      await run(records, source);
      await settled(records, source);
    } finally {
      await source.close(true);
    }
    return records;
  }

  /** Netlink port ids of the audit sockets of this network namespace. */
  function auditPorts(): string[] {
    return readFileSync("/proc/net/netlink", "latin1")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, protocol, port]) => protocol === "9" && port !== "0")
      .map(([, , port]) => port ?? "");
  }

  /** Waits until nothing comes any more. */
  async function settled(records: readonly RawRecord[], source: Source): Promise<void> {
    for (let count = -1; count !== records.length; ) {
      count = records.length;
      // As after spooling: room for more.
      source.commit(source.position(), []);
      await sleep(250);
    }
  }

  const own = (records: readonly RawRecord[]): string[] =>
    records.filter(({ type }) => type === USER).map(({ text }) => /marker-\d+-\w*/.exec(text)?.[0] ?? "");

  it("trap 22: no record changes when the buffer that it came in is used again", async () => {
    const wanted = Array.from({ length: 3000 }, (_, count) => `marker-${count}-${"x".repeat(count % 700)}`);
    const records = await reading("unicast", {}, async () => {
      for (const [count, text] of wanted.entries()) {
        say(text);
        if (count % 100 === 0) await sleep(5);
      }
    });
    assert.deepEqual(own(records), wanted);
  });

  it("trap 23: the received length is what counts, and who is not the kernel is not heard", async () => {
    const before = new Set(auditPorts());
    const records = await reading("unicast", {}, async (_records, source) => {
      const [port, ...others] = auditPorts().filter((each) => !before.has(each));
      assert.ok(port !== undefined && others.length === 0, "the source has one socket");
      const forge = `import socket,struct
s=socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,9); s.bind((0,0))
text=b"audit(1.000:1): pid=1 msg='marker-666-forged'"
s.sendto(struct.pack("=IHHII",16+len(text),1005,0,0,0)+text,(${port},0))`;
      const { status, stderr } = spawnSync("python3", ["-c", forge], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      say("marker-1-END");
      for (let tries = 0; source.counters().foreign === 0 && tries < 50; tries++) await sleep(100);
      assert.equal(source.counters().foreign, 1);
    });
    assert.deepEqual(own(records), ["marker-1-END"]);
    assert.match(records.find(({ type }) => type === USER)?.text ?? "", /marker-1-END'?$/);
  });

  it("trap 24: ENOBUFS is noticed, reading goes on, and serial gaps match what the kernel dropped", async () => {
    const gaps = new SerialGaps();
    const records = await reading(
      "multicast",
      { receiveBufferBytes: 65_536, ringBytes: 65_536 },
      async (seen, source) => {
        say("marker-0-first");
        await settled(seen, source);
        // JavaScript does not drain meanwhile: the ring fills, then the socket, and the kernel drops.
        for (let count = 0; count < 5000; count++) say(`marker-${count}-${"y".repeat(200)}`);
        await settled(seen, source);
        say("marker-9-last");
        await settled(seen, source);
        const { overruns } = source.counters();
        assert.ok(overruns > 0, "the kernel told of an overrun");
        const drops = readFileSync("/proc/net/netlink", "latin1")
          .split("\n")
          .map((line) => line.trim().split(/\s+/))
          .filter((fields) => fields[1] === "9" && Number.parseInt(fields[3] ?? "0", 16) !== 0)
          .reduce((sum, fields) => sum + Number(fields[8]), 0);
        for (const record of seen) gaps.see(record);
        assert.ok(drops > 0);
        assert.equal(gaps.missing, drops);
      },
    );
    assert.equal(own(records).at(-1), "marker-9-last");
  });

  it("keeps what a killed reader had taken off the socket and not laid into its ring yet", async () => {
    const ringPath = join(folder, "ring");
    const ringBytes = 32 * 1024;
    const bootId = "a-boot";
    const open = `addon.openReader(true, -1, ${16 * MIB}, ${JSON.stringify(ringPath)}, "${bootId}", ${ringBytes}, () => {})`;
    const script = `const addon = require(${JSON.stringify(ADDON)}); ${open}; console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      // More than its ring takes: it waits with the rest of a batch in its hands.
      for (let count = 0; count < 200; count++) say(`marker-${count}-${"z".repeat(500)}`);
      await sleep(300);
    } finally {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
    }
    const records = await reading("multicast", { ringPath, ringBytes, bootId }, async () => {
      say("marker-0-next");
    });
    const markers = own(records);
    assert.equal(markers.pop(), "marker-0-next");
    assert.deepEqual(
      markers,
      markers.map((_, count) => `marker-${count}-${"z".repeat(500)}`),
      "in order, none missing and none twice",
    );
    const bytes = records.reduce((sum, { text }) => sum + text.length, 0);
    assert.ok(bytes > ringBytes, `${bytes} bytes are not more than the ring of ${ringBytes} had`);
    process.stdout.write(`  ${markers.length} messages, ${bytes} bytes, of a ring of ${ringBytes}\n`);
  });

  it("tells of all that came, however many came at once", async () => {
    // The reader takes 32 messages at once.
    for (const count of [31, 32, 33, 64, 96]) {
      await reading("unicast", {}, async (records) => {
        await sleep(200);
        say("marker-0-first");
        // While it rests.
        await sleep(10);
        for (let number = 1; number <= count; number++) say(`marker-${number}-`);
        for (let turn = 0; turn < 20 && own(records).length <= count; turn++) await sleep(50);
        assert.equal(own(records).length, count + 1);
      });
    }
  });

  it("gives back each text as it was, however often it came before and whatever came between", async () => {
    const ringPath = join(folder, "texts");
    const ringBytes = 8 * MIB;
    const bootId = "texts";
    const random = new Random(Number(process.env["HOSTTRAIL_FUZZ_SEED"] ?? 1));
    const bytes = (length: number): string =>
      Array.from({ length }, () => String.fromCharCode(32 + random.next(224))).join("");
    // More than are remembered, of every length, and some that differ in their last byte alone.
    const pool = Array.from({ length: 5000 }, (_, at) => `${bytes(random.next(at % 50 === 0 ? 4000 : 200))}${at}`);
    const frames: Buffer[] = [];
    const wanted: string[] = [];
    let unreadable = 0;
    for (let serial = 0; serial < 25_000; serial++) {
      const type = random.next(4) === 0 ? RECORD.SYSCALL : RECORD.PATH + random.next(40);
      const often = pool[random.next(random.next(2) === 0 ? 50 : pool.length)] ?? "";
      const call = random.next(4) === 0 ? bytes(random.next(60)) : callOf(random);
      const text = type === RECORD.SYSCALL ? `${call}${random.pick([" auid=", " auid=", "auid=", ""])}${often}` : often;
      const stamp =
        random.next(100) === 0 ? random.pick(["audit(1.0:", "audit(1.1000:1): ", ""]) : `audit(1.007:${serial}): `;
      frames.push(frameOf(type, `${stamp}${text}${random.pick(["", "\0", "\n", "\n\0"])}`));
      if (stamp.endsWith(`:${serial}): `)) wanted.push(`${serial} ${type} ${text}`);
      else unreadable++;
    }
    writeRing(ringPath, { bootId, ringBytes, frames });
    let failures = 0;
    const records = await reading(
      "multicast",
      { ringPath, ringBytes, bootId },
      async (seen, source) => {
        await settled(seen, source);
        failures = source.counters().parseFailures;
      },
      // As the governor does where memory is short, in the middle of what is handed on.
      (source, count) => {
        if (count % 777 === 0) source.shrink();
        if (count % 999 === 0) source.resume();
      },
    );
    const found = records.filter(({ seconds, milliseconds }) => seconds === 1 && milliseconds === 7);
    assert.equal(found.length, wanted.length);
    for (const [at, record] of found.entries())
      assert.equal(`${record.serial} ${record.type} ${textOf(record)}`, wanted[at]);
    assert.equal(failures, unreadable);
    // Calls are read as numbers by the addon just where JavaScript reads them, too.
    const calls = found.filter(({ type }) => type === RECORD.SYSCALL);
    const read = calls.filter(({ call }) => call !== undefined).length;
    assert.ok(read > 300 && read < calls.length - 300, `${read} of ${calls.length}`);
    for (const record of calls) {
      const start = record.actor === "" ? undefined : textOf(record).length - record.actor.length;
      assert.deepEqual(record.call, start && readCall(textOf(record).slice(0, start)), textOf(record));
    }
  });

  it("events that repeat others are the same as those made of their records, whatever comes between", async () => {
    // No kernel is there yet.
    const first = 3_000_000_000;
    const events = 20_000;
    const frames = hostileStream(new Random(Number(process.env["HOSTTRAIL_FUZZ_SEED"] ?? 1)), first, events);
    const isOurs = (serial: number): boolean => serial >= first;
    const alone = await makeEvents(frames, false, isOurs);
    const both = await makeEvents(frames, true, isOurs);
    assert.equal(alone.repeated, 0);
    assert.ok(both.repeated > events / 10, `only ${both.repeated} events were repetitions`);
    assert.deepEqual(differing(alone, both), []);
    assert.equal(both.redacted, alone.redacted);
    process.stdout.write(`  ${both.events.length} events, ${both.repeated} of them repetitions\n`);
  });

  it("trap 25: requests have a socket of their own, so that replies and events never mix", async () => {
    const records = await reading("unicast", {}, async () => {
      for (let count = 0; count < 500; count++) {
        say(`marker-${count}-`);
        assert.equal(audit().status().pid, process.pid);
      }
    });
    assert.equal(own(records).length, 500);
    assert.ok(records.every(({ type }) => type >= 1005));
  });

  it("trap 26: without an audit daemon the agent becomes it", async () => {
    await reading("auto", {}, async (_records, source) => {
      assert.equal(source.name, "netlink-unicast");
      assert.equal(audit().status().pid, process.pid);
    });
    assert.equal(audit().status().pid, 0);
  });

  it("trap 28: audited programs never wait for us", () => {
    assert.equal(audit().status().backlogWaitTime, 0);
  });

  it("trap 29, 30: doctor tells what the kernel's command line lacks, and who else listens", async () => {
    const config = join(folder, "agent.yaml");
    const file = join(folder, "none");
    writeFileSync(
      config,
      `host_id: "${"0".repeat(32)}"\nstate_directory: ${folder}\nruntime_directory: ${folder}\naudit: {rules_directory: ""}\ncollector: {endpoints: [localhost:1], ca_file: ${file}, certificate_file: ${file}, key_file: ${file}}\n`,
    );
    await reading("multicast", {}, async () => {
      const { stdout } = spawnSync(process.execPath, [join(ROOT, "agent/src/main.ts"), "doctor", "--config", config], {
        encoding: "utf8",
      });
      const hasAudit = /\baudit=(?:1|on)\b/.test(readFileSync("/proc/cmdline", "utf8"));
      assert.match(stdout, hasAudit ? /started with audit=1/ : /started without audit=1/);
      assert.match(stdout, /reads by multicast/);
      assert.match(stdout, /problem {2}no agent answers/);
    });
  });

  it("doctor tells of a rule that leaves out a process which is gone: whoever gets its pid would be unseen", () => {
    mkdirSync(join(folder, "excluded"));
    const config = join(folder, "excluded.yaml");
    const file = join(folder, "excluded.rules");
    const gone = 4_194_303;
    writeFileSync(file, `-a never,exit -F pid=${gone}\n`);
    writeFileSync(
      config,
      `state_directory: ${folder}/other\nruntime_directory: ${folder}\naudit: {rules_directory: ""}\ncollector: {endpoints: [localhost:1], ca_file: ${file}}\nenroll: {endpoints: [localhost:1]}\n`,
    );
    const hold = new KernelHold(audit(), join(folder, "excluded"));
    hold.applyRules(readRules({ files: [file], directory: "", ownPid: 0 }).rules);
    try {
      const { stdout } = spawnSync(process.execPath, [join(ROOT, "agent/src/main.ts"), "doctor", "--config", config], {
        encoding: "utf8",
      });
      assert.match(
        stdout,
        new RegExp(`never,exit -S all -F pid=${gone}\` is loaded: whoever gets this pid next makes no`),
      );
    } finally {
      hold.releaseRules();
    }
  });

  it("trap 31: joining the multicast group is an event itself", async () => {
    const records = await reading("unicast", {}, async () => {
      await reading("multicast", {}, async () => undefined);
    });
    assert.ok(
      records.some(({ type }) => type === 1335),
      "EVENT_LISTENER",
    );
  });

  it("trap 32: a second daemon and missing rights are told in words", async () => {
    await reading("unicast", {}, async () => {
      const script = `import { openSource } from "${ROOT}agent/src/source/index.ts";
try { openSource({ mode: "unicast", path: "", receiveBufferBytes: 65536, ringBytes: 1048576, ringPath: "", bootId: "" }, () => undefined); }
catch (error) { console.log(error.message); process.exit(0); }`;
      const other = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
      assert.match(other.stdout, /another audit daemon is registered; use mode multicast/);
    });
    const plain = spawnSync(
      "setpriv",
      ["--reuid", "65534", "--clear-groups", process.execPath, join(ROOT, "agent/src/main.ts"), "--version"],
      { encoding: "utf8" },
    );
    // Where nobody may read this checkout there is nothing to show.
    if (plain.status !== 0) return;
    const script = `import { openSource } from "${ROOT}agent/src/source/index.ts";
try { openSource({ mode: "multicast", path: "", receiveBufferBytes: 65536, ringBytes: 1048576, ringPath: "", bootId: "" }, () => undefined); }
catch (error) { console.log(error.message); process.exit(0); }`;
    const nobody = spawnSync(
      "setpriv",
      ["--reuid", "65534", "--clear-groups", process.execPath, "--input-type=module", "-e", script],
      { encoding: "utf8" },
    );
    assert.match(nobody.stdout, /CAP_AUDIT_READ \(multicast\) is missing/);
  });

  it("the reading thread goes on while JavaScript stands still for 2 s at 20,000 events a second, by multicast", async () => {
    const load = join(folder, "load");
    execFileSync(process.env["CXX"] ?? "g++", ["-O2", "-o", load, join(ROOT, "bench/agent/load.cc")]);
    const rules = join(folder, "load.rules");
    writeFileSync(rules, `-a always,exit -F arch=b64 -S open,openat -F exe=${load} -k pause\n`);
    hold.applyRules(readRules({ files: [rules], directory: "", ownPid: process.pid }).rules);
    let made = 0;
    // Somebody must be the audit daemon, or the kernel prints everything to its log as well.
    try {
      const records = await reading("multicast", {}, async () => {
        const child = spawn(load, ["open", "20000", "3"], { stdio: ["ignore", "pipe", "inherit"] });
        let output = "";
        child.stdout.on("data", (chunk: Buffer) => {
          output += chunk.toString();
        });
        await sleep(300);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
        await new Promise((resolve) => child.once("close", resolve));
        made = Number(output.split(" ")[0]);
      });
      const seen = new Set(
        records
          .filter((record) => record.type === RECORD.SYSCALL && textOf(record).includes('key="pause"'))
          .map(({ serial }) => serial),
      );
      assert.ok(made > 30_000, `${made} events were made`);
      // The loader opens a few files itself.
      assert.ok(seen.size >= made, `${seen.size} of ${made}`);
    } finally {
      hold.releaseRules();
    }
  });
});

describe("traps: a locked kernel", () => {
  // Only a reboot unlocks it: the real one is in the virtual machine of e2e/vm; here its answers are played.
  it("trap 27: locked audit is never ok: it wants a reboot, and nothing is tried", () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-locked-"));
    const asked: number[] = [];
    const locked = {
      status: () => ({
        enabled: 2,
        failure: 1,
        pid: 0,
        rateLimit: 0,
        backlogLimit: 64,
        lost: 0,
        backlog: 0,
        backlogWaitTime: 0,
      }),
      request: (type: number) => {
        asked.push(type);
        return [];
      },
      set: () => assert.fail("no setting is changed"),
    } as unknown as KernelAudit;
    const held = new KernelHold(locked, folder);
    const file = join(folder, "x.rules");
    writeFileSync(file, "-w /etc/passwd -p wa -k x\n");
    const { rules } = readRules({ files: [file], directory: "", ownPid: 0 });
    assert.throws(() => held.applyRules(rules), /locked \(enabled 2\): rules change only after a reboot/);
    assert.throws(
      () => held.applySettings({ backlogWaitTime: 9 }),
      /locked \(enabled 2\): settings change only after a reboot/,
    );
    // It is on, which is all that the agent wants of it.
    held.applySettings({ enabled: 1 });
    assert.deepEqual([...new Set(asked)], [1013], "the list was read, and nothing else asked");
    rmSync(folder, { recursive: true });
  });
});

describe("traps: native", () => {
  it("the addon refuses a buffer that is too small for a message", { skip: missing ?? false }, async () => {
    const addon = native();
    const reader = addon.openReader(true, -1, 65_536, "", "", 1 << 20, () => undefined);
    const heads = new Uint32Array(RECORD_HEAD.words);
    assert.throws(() => addon.drainReader(reader, heads, Buffer.alloc(100)), /too small/);
    assert.throws(() => addon.drainReader(reader, heads.subarray(1), Buffer.alloc(MIB)), /too small/);
    addon.stopReader(reader, true);
  });
});
