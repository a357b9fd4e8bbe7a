/** A disk of its own, small enough to be filled: a file system in memory. */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const PAGE = Buffer.alloc(64 * 1024);

export class SmallDisk implements Disposable {
  readonly path: string;

  constructor(path: string, megabytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "hosttrail-chaos", path]);
  }

  /** Writes until nothing more goes in. */
  fill(): void {
    const file = openSync(join(this.path, "ballast"), "w");
    try {
      for (;;) writeSync(file, PAGE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  release(): void {
    rmSync(join(this.path, "ballast"), { force: true });
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["--lazy", this.path]);
  }
}
