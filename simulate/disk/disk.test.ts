import assert from "node:assert/strict";
import * as real from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { presentSchedule, Random, Schedule, SimulatedProcess, START_MS } from "../schedule/index.ts";
import * as simulated from "./fs.ts";
import { Disk, presentDisks } from "./index.ts";

const folder = real.mkdtempSync(join(tmpdir(), "hosttrail-disk-"));
after(() => real.rmSync(folder, { recursive: true }));

const machine = { name: "h0", clockOffsetMs: 0 };

/** One step, on either of them: what it gives, or the code of its error. */
type Step = (fs: typeof simulated, root: string, open: Map<string, number>) => unknown;

function draw(random: Random): Step {
  const name = random.pick(["a", "b", "c"]);
  const path = (root: string): string => join(root, name);
  const bytes = random.bytes(random.whole(0, 9000));
  const size = random.whole(0, 9000);
  const steps: Step[] = [
    (fs, root) => {
      const handle = fs.openSync(path(root), "a", 0o600);
      const count = fs.writeSync(handle, bytes);
      const { size: total } = fs.fstatSync(handle);
      fs.closeSync(handle);
      return [count, total];
    },
    (fs, root) => {
      const handle = fs.openSync(path(root), "wx", 0o600);
      fs.writeSync(handle, bytes);
      fs.fsyncSync(handle);
      fs.closeSync(handle);
      return "made";
    },
    (fs, root) => {
      const handle = fs.openSync(path(root), "r");
      const into = Buffer.alloc(100);
      const count = fs.readSync(handle, into, 0, 100, size);
      fs.closeSync(handle);
      return [count, into.toString("hex")];
    },
    (fs, root) => fs.truncateSync(path(root), size),
    (fs, root) => fs.renameSync(path(root), join(root, "moved")),
    (fs, root) => fs.unlinkSync(path(root)),
    (fs, root) => fs.rmSync(path(root), { force: true }),
    (fs, root) => fs.readFileSync(path(root), "hex"),
    (fs, root) => fs.readdirSync(root).sort(),
    (fs, root) => fs.existsSync(path(root)),
    (fs, root) => fs.statSync(path(root), { throwIfNoEntry: false })?.size,
    (fs, root) => fs.mkdirSync(join(root, "deep", name), { recursive: true }),
  ];
  return random.pick(steps);
}

function outcome(step: Step, fs: typeof simulated, root: string): unknown {
  try {
    return step(fs, root, new Map());
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? error;
  }
}

describe("the simulated disk", () => {
  it("does what a real file system does, as long as nothing breaks", async () => {
    const random = new Random("disk against a real one");
    const schedule = new Schedule(random.stream("schedule"), false);
    const disk = new Disk(random.stream("disk"), () => START_MS);
    presentSchedule.set(schedule);
    presentDisks.set(() => disk);
    disk.place("/var/lib/x/placed", "");
    const process = new SimulatedProcess("agent", machine);
    real.writeFileSync(join(folder, "placed"), "");
    for (let round = 0; round < 3000; round++) {
      const step = draw(random);
      const expected = outcome(step, real as never, folder);
      let found: unknown;
      await schedule.run(process, () => {
        found = outcome(step, simulated, "/var/lib/x");
      });
      const normal = (value: unknown): unknown =>
        typeof value === "string" ? value.replaceAll(folder, "/var/lib/x") : value;
      assert.deepEqual(found, normal(expected), `round ${round}: ${String(step)}`);
    }
    assert.equal(disk.openFiles, 0);
  });

  it("keeps what was synced when the power goes, and of the rest nothing that was never written", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new Random(`power ${seed}`);
      const disk = new Disk(random.stream("disk"), () => START_MS);
      disk.makeFolder("/var/lib/x");
      sync(disk, "/var/lib");
      const handle = disk.open("/var/lib/x/a", "a");
      sync(disk, "/var/lib/x");
      disk.write(handle, Buffer.alloc(5000, 1), undefined);
      disk.sync(handle);
      disk.write(handle, Buffer.alloc(9000, 2), undefined);
      disk.open("/var/lib/x/b", "a");
      disk.losePower();
      const content = disk.inode("/var/lib/x/a")?.content ?? Buffer.alloc(0);
      assert.ok(content.length >= 5000 && content.length <= 14_000);
      assert.ok(content.subarray(0, 5000).every((byte) => byte === 1));
      assert.ok(content.subarray(5000).every((byte) => byte === 2 || byte === 0));
      assert.equal(disk.openFiles, 0);
    }
  });

  it("loses, keeps and tears what was not synced, each of them in some seed", () => {
    const sizes = new Set<number>();
    let names = 0;
    for (let seed = 0; seed < 300; seed++) {
      const disk = new Disk(new Random(`torn ${seed}`), () => START_MS);
      disk.makeFolder("/var/lib/x");
      sync(disk, "/var/lib");
      const handle = disk.open("/var/lib/x/a", "a");
      disk.write(handle, Buffer.alloc(3000, 1), undefined);
      disk.losePower();
      const inode = disk.inode("/var/lib/x/a");
      if (inode === undefined) continue;
      names++;
      sizes.add(inode.content.filter((byte) => byte === 1).length);
    }
    assert.ok(names > 50 && names < 250, `the name was there ${names} times`);
    assert.ok(sizes.has(0) && sizes.has(3000) && sizes.size > 4, [...sizes].join(", "));
  });
});

function sync(disk: Disk, path: string): void {
  const handle = disk.open(path, "r");
  disk.sync(handle);
  disk.close(handle);
}
