import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openFiles } from "./file.ts";
import type { SourceCounters, SourceFault } from "./source.ts";

const directory = mkdtempSync(join(tmpdir(), "hosttrail-log-"));
const path = join(directory, "audit.log");
after(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  for (const file of readdirSync(directory)) rmSync(join(directory, file), { recursive: true });
});

/** A record whose serial is also its second. */
const line = (serial: number): string => `type=CWD msg=audit(${serial}.000:${serial}): cwd="/"\n`;
/** Records that do not compress well, from that serial on. */
const lines = (count: number, first = 1): string =>
  Array.from(
    { length: count },
    (_, at) => `type=CWD msg=audit(1.000:${first + at}): cwd="/${((first + at) * 0x9e3779b1) >>> 0}"\n`,
  ).join("");

function compress(program: string, content: string | Buffer): Buffer {
  const { stdout, error, status } = spawnSync(program, ["-1c"], { input: content, maxBuffer: 1 << 28 });
  assert.equal(error, undefined);
  assert.equal(status, 0);
  return stdout;
}

const isMissing = (program: string): string | false =>
  spawnSync(program, ["--version"]).error === undefined ? false : `${program} is not installed`;

interface Outcome {
  serials: number[];
  faults: SourceFault[];
  counters: SourceCounters;
}

async function readAll(log: string = path): Promise<Outcome> {
  const serials: number[] = [];
  const faults: SourceFault[] = [];
  const source = openFiles(
    log,
    ({ serial }) => serials.push(serial),
    (fault) => faults.push(fault),
  );
  await source.finished;
  return { serials, faults, counters: source.counters() };
}

const reasons = ({ faults }: Outcome): string[] =>
  faults.map(({ file, reason }) => `${file.slice(directory.length + 1)}: ${reason}`);

/** Whether they are 1, 2, 3 … without a gap. */
function assertPrefix(serials: readonly number[], min: number): void {
  assert.deepEqual(
    serials,
    [...serials.keys()].map((at) => at + 1),
  );
  assert.ok(serials.length >= min, `${serials.length} records`);
}

describe("a log's rotated files", () => {
  it("are read in the order of their dates", async () => {
    writeFileSync(path, line(5));
    writeFileSync(`${path}-20251113`, line(3));
    writeFileSync(`${path}-20251113-100000.gz`, gzipSync(line(4)));
    writeFileSync(`${path}-20251112.zst`, zstdCompressSync(line(2)));
    writeFileSync(join(directory, "audit-20241231.log.gz"), gzipSync(line(1)));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1, 2, 3, 4, 5]);
    assert.deepEqual(outcome.faults, []);
  });

  it("are ordered by their first records where their names cannot be compared", async () => {
    writeFileSync(path, line(7));
    writeFileSync(`${path}.1`, line(6));
    writeFileSync(`${path}.2.gz`, gzipSync(`not a record\n${line(2)}`));
    writeFileSync(`${path}-20251112`, line(1));
    writeFileSync(`${path}-20251113`, line(3));
    writeFileSync(`${path}-20251114`, "");
    writeFileSync(`${path}-1763028125.gz`, gzipSync(line(5)));
    writeFileSync(`${path}-1763028120`, line(4));
    assert.deepEqual((await readAll()).serials, [1, 2, 3, 4, 5, 6, 7]);
  });

  it("are not read twice under two names", async () => {
    writeFileSync(path, line(2));
    writeFileSync(`${path}.1`, line(1));
    linkSync(`${path}.1`, `${path}.2`);
    const outcome = await readAll();
    assert.deepEqual([outcome.serials, outcome.faults], [[1, 2], []]);
  });

  it("are not read twice where logrotate was interrupted", async () => {
    writeFileSync(path, line(3));
    writeFileSync(`${path}.1`, line(1) + line(2));
    writeFileSync(`${path}.1.gz`, gzipSync(line(1) + line(2)).subarray(0, -9));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1, 2, 3]);
    assert.deepEqual(reasons(outcome), ["audit.log.1.gz: its records are those of audit.log.1: it is not read"]);
    assert.equal(outcome.counters.unreadFiles, 0);
  });

  it("that have one number and other records are both read", async () => {
    writeFileSync(path, line(3));
    writeFileSync(`${path}.1`, line(2));
    writeFileSync(`${path}.1.gz`, gzipSync(line(1)));
    assert.deepEqual((await readAll()).serials, [1, 2, 3]);
  });

  it("are the same ones to the end when they are rotated meanwhile", async () => {
    writeFileSync(path, line(3));
    writeFileSync(`${path}.1`, line(2));
    writeFileSync(`${path}.2`, line(1));
    const serials: number[] = [];
    const source = openFiles(path, ({ serial }) => {
      serials.push(serial);
      if (serial !== 1) return;
      rmSync(`${path}.2`);
      renameSync(`${path}.1`, `${path}.2`);
      renameSync(path, `${path}.1`);
      writeFileSync(path, line(4));
    });
    await source.finished;
    assert.deepEqual(serials, [1, 2, 3]);
  });

  it("that are no files, no rotations or compressed by something unknown are told, and nothing waits for them", async () => {
    writeFileSync(path, line(1));
    mkdirSync(`${path}.1`);
    spawnSync("mkfifo", [`${path}.2`]);
    writeFileSync(`${path}.3.zip`, "PK\u0003\u0004");
    writeFileSync(`${path}.old`, line(2));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1]);
    assert.deepEqual(reasons(outcome), [
      "audit.log.old: its name is no rotation of the log: it is not read",
      "audit.log.3.zip: .zip is no compression that can be read (gz, zst, xz, lzma, bz2, lz4, Z)",
      "audit.log.2: it is no regular file",
      "audit.log.1: it is no regular file",
    ]);
    assert.equal(outcome.counters.unreadFiles, 3);
  });

  it("are read also without the log itself; without both it is an error that names the log", async () => {
    writeFileSync(`${path}.1`, line(1));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1]);
    assert.match(reasons(outcome)[0] ?? "", /^audit\.log: ENOENT/);
    rmSync(`${path}.1`);
    await assert.rejects(readAll(), { message: `there is no log ${path} that can be read, nor rotated files of it` });
    await assert.rejects(readAll(join(directory, "no/folder/audit.log")), /there is no log/);
  });
});

describe("a compressed file", () => {
  for (const [program, extension] of [
    ["xz", "xz"],
    ["lzma", "lzma"],
    ["bzip2", "bz2"],
    ["lz4", "lz4"],
  ] as const) {
    it(`is read by ${program} where Node has no decoder, also in several pieces`, {
      skip: isMissing(program),
    }, async () => {
      const half = lines(5000);
      const pieces = program === "lzma" ? [half + lines(5000, 5001)] : [half, lines(5000, 5001)];
      writeFileSync(`${path}.1.${extension}`, Buffer.concat(pieces.map((piece) => compress(program, piece))));
      writeFileSync(path, lines(1, 10_001));
      const outcome = await readAll();
      assertPrefix(outcome.serials, 10_001);
      assert.deepEqual(outcome.faults, []);
    });

    it(`that is cut or damaged gives what ${program} could read of it, and the next file is read`, {
      skip: isMissing(program),
    }, async () => {
      const whole = compress(program, lines(30_000));
      const damaged = Buffer.from(whole).fill(0x55, whole.length - 2000, whole.length - 1000);
      for (const bytes of [whole.subarray(0, whole.length - 1500), damaged]) {
        writeFileSync(`${path}.1.${extension}`, bytes);
        writeFileSync(path, lines(1, 1_000_000));
        const outcome = await readAll();
        assert.equal(outcome.serials.at(-1), 1_000_000);
        assert.equal(outcome.counters.unreadFiles, 1);
        assert.equal(
          outcome.faults.filter(({ line: number, reason }) => number === undefined && !/^\d+ more lines/.test(reason))
            .length,
          1,
        );
        assert.match(reasons(outcome).at(-1) ?? "", new RegExp(`^audit\\.log\\.1\\.${extension}: .`));
      }
    });
  }

  it("whose program is missing is told and counted, with its name", async () => {
    writeFileSync(`${path}.1.xz`, Buffer.from("\u00fd7zXZ\0", "latin1"));
    writeFileSync(path, line(1));
    const before = process.env["PATH"];
    process.env["PATH"] = directory;
    try {
      const outcome = await readAll();
      assert.deepEqual(outcome.serials, [1]);
      assert.deepEqual(reasons(outcome), [
        "audit.log.1.xz: it can be read only by the program xz, which is not installed",
      ]);
      assert.equal(outcome.counters.unreadFiles, 1);
    } finally {
      process.env["PATH"] = before;
    }
  });

  it("that is cut off gives every whole record before the cut", async () => {
    const text = lines(20_000);
    for (const [extension, whole] of [
      ["gz", gzipSync(text)],
      ["zst", zstdCompressSync(text)],
    ] as const) {
      const file = `${path}.1.${extension}`;
      writeFileSync(file, whole.subarray(0, whole.length >> 1));
      writeFileSync(path, lines(1, 1_000_000));
      const outcome = await readAll();
      assert.equal(outcome.serials.pop(), 1_000_000);
      assertPrefix(outcome.serials, extension === "gz" ? 9000 : 1000);
      assert.deepEqual(
        outcome.faults.map((fault) => ({ ...fault, offset: fault.line === undefined ? fault.offset : 0, line: 0 })),
        [
          { file, offset: 0, line: 0, reason: "the damage cuts this line", isLoss: true },
          { file, offset: whole.length >> 1, line: 0, reason: "unexpected end of file", isLoss: true },
        ],
      );
      assert.equal(outcome.counters.unreadFiles, 1);
      rmSync(file);
    }
  });

  it("that is damaged gives what comes before the damage to the last byte: not only up to the last piece", async () => {
    for (const [extension, compressed] of [
      ["gz", gzipSync],
      ["zst", zstdCompressSync],
    ] as const) {
      const file = `${path}.1.${extension}`;
      // The second one has the mark of a compressed file and then nothing that could follow it.
      const second = compressed(lines(10)).fill(0xff, 4, 40);
      writeFileSync(file, Buffer.concat([compressed(lines(15_000)), second]));
      writeFileSync(path, lines(1, 15_001));
      const { serials, faults, counters } = await readAll();
      assertPrefix(serials, 15_001);
      assert.deepEqual(
        faults.map(({ line: number, isLoss }) => [number, isLoss]),
        [[undefined, true]],
        extension,
      );
      assert.deepEqual([counters.unreadFiles, counters.parseFailures], [1, 0]);
      rmSync(file);
    }
  });

  it("may be several, one behind the other, and filled up with zeros; what else follows is told", async () => {
    for (const [extension, compressed] of [
      ["gz", gzipSync],
      ["zst", zstdCompressSync],
    ] as const) {
      const file = `${path}.1.${extension}`;
      const members = Buffer.concat([compressed(lines(3000)), compressed(lines(3000, 3001)), compressed("")]);
      writeFileSync(path, lines(1, 6001));
      writeFileSync(file, Buffer.concat([members, Buffer.alloc(100)]));
      const outcome = await readAll();
      assertPrefix(outcome.serials, 6001);
      assert.deepEqual(outcome.faults, []);
      writeFileSync(file, Buffer.concat([members, Buffer.from("garbage")]));
      const garbled = await readAll();
      assertPrefix(garbled.serials, 6001);
      assert.equal(garbled.faults.length, 1, extension);
      assert.equal(garbled.counters.unreadFiles, 1);
      rmSync(file);
    }
  });

  it("is known by what it holds: a name may say too much or too little", async () => {
    writeFileSync(`${path}.3.gz`, line(1));
    writeFileSync(`${path}.2`, gzipSync(line(2)));
    writeFileSync(`${path}.1.gz`, zstdCompressSync(line(3)));
    writeFileSync(path, line(4));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1, 2, 3, 4]);
    assert.deepEqual(outcome.faults, []);
  });

  it("that is empty, or nothing but damage, is told", async () => {
    writeFileSync(`${path}.2.gz`, "");
    writeFileSync(`${path}.1.gz`, Buffer.alloc(5000, 0xff));
    writeFileSync(path, line(1));
    const outcome = await readAll();
    assert.deepEqual(outcome.serials, [1]);
    assert.deepEqual(reasons(outcome), [
      "audit.log.2.gz: it is empty, without even a header",
      "audit.log.1.gz: incorrect header check",
    ]);
  });

  it("that is a bomb is read in pieces, in bounded memory", { skip: isMissing("xz") }, async () => {
    const bomb = Buffer.alloc(96 * 1024 * 1024, 0x78);
    writeFileSync(`${path}.3.gz`, gzipSync(bomb));
    writeFileSync(`${path}.2.zst`, zstdCompressSync(bomb));
    writeFileSync(`${path}.1.xz`, compress("xz", bomb));
    writeFileSync(path, line(1));
    let most = 0;
    const base = process.memoryUsage().arrayBuffers;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - base);
    }, 1);
    const outcome = await readAll();
    clearInterval(timer);
    assert.deepEqual(outcome.serials, [1]);
    assert.equal(outcome.counters.parseFailures, 3);
    assert.ok(most > 0 && most < 64 * 1024 * 1024, `${most} bytes`);
  });

  it("read by a program ends with the source, whatever the program does", { skip: isMissing("xz") }, async () => {
    writeFileSync(`${path}.1.xz`, compress("xz", lines(100_000)));
    const begun = Promise.withResolvers<void>();
    const source = openFiles(path, () => begun.resolve());
    await begun.promise;
    source.pause();
    const children = (): string[] =>
      spawnSync("ps", ["--ppid", String(process.pid), "-o", "comm="], { encoding: "utf8" }).stdout.split("\n");
    assert.ok(children().includes("xz"));
    await source.close(true);
    for (let tries = 0; children().includes("xz") && tries < 100; tries++) await sleep(10);
    assert.ok(!children().includes("xz"));
    assert.equal(source.counters().unreadFiles, 1, "the log itself is missing; the cut file is no damage");
  });
});

describe("lines that give no record", () => {
  it("are told with file, line and place, the first ones of each file, and counted", async () => {
    writeFileSync(path, `${line(1)}x\ny\r\n\nz\nnode=\n${"w".repeat((1 << 20) + 1)}\n${line(2)}`);
    appendFileSync(path, "Nov 13 10:00:00 web1 sshd[1]: hello\n");
    const { serials, faults, counters } = await readAll();
    assert.deepEqual(serials, [1, 2]);
    const at = line(1).length;
    assert.deepEqual(
      faults.map(({ line: number, offset, isLoss }) => [number, offset, isLoss]),
      [
        [2, at, true],
        [3, at + 2, true],
        [5, at + 6, true],
        [undefined, undefined, true],
      ],
    );
    assert.match(faults[3]?.reason ?? "", /^2 more lines gave no record$/);
    assert.equal(counters.parseFailures, 5);
    assert.equal(counters.foreign, 1);
    assert.equal(counters.unreadFiles, 0);
  });
});
