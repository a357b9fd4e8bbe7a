/**
 * A machine's disk. What a process writes is seen by all at once, and survives its death; what was not synced may vanish or be cut when the
 * power goes. A name is safe once its folder was synced, and not before: that is what POSIX promises, and less than ext4 mostly does.
 */
import { dirname } from "node:path";
import { type Machine, Present, type Random } from "../schedule/index.ts";
import { Inode } from "./inode.ts";

export type { Inode } from "./inode.ts";

/** How the disk behaves: as it should; takes no byte more; fails now and then. */
export type DiskMood = "well" | "full" | "failing";

/** Share of the calls that fail while it does. */
const FAILING = 0.3;
/** Memory that a loss of power clears. */
const VOLATILE = "/run";

interface Renaming {
  folder: string;
  path: string;
  /** Undefined where the name goes. */
  inode: Inode | undefined;
}

interface Handle {
  inode: Inode;
  path: string;
  append: boolean;
  position: number;
}

/** What node:fs throws. */
class DiskError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path: string;

  constructor(code: string, syscall: string, path: string) {
    super(`${code}: ${syscall} '${path}'`);
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}

export class Disk {
  readonly #random: Random;
  readonly #wallMs: () => number;
  readonly #names = new Map<string, Inode>();
  readonly #safeNames = new Map<string, Inode>();
  #renamings: Renaming[] = [];
  readonly #handles = new Map<number, Handle>();
  #nextHandle = 100;
  mood: DiskMood = "well";
  /** True for calls that must fail; for tests that want just these to. */
  refuses: (syscall: string, path: string) => boolean = () => false;

  constructor(random: Random, wallMs: () => number) {
    this.#random = random;
    this.#wallMs = wallMs;
    for (const path of ["/", "/run", "/proc", "/var", "/var/lib"]) {
      const folder = new Inode("directory", wallMs());
      this.#names.set(path, folder);
      this.#safeNames.set(path, folder);
    }
  }

  // ---- For the world ---------------------------------------------------------------------------------------

  /** Puts a file there that was always there, and its folders. */
  place(path: string, content: string): void {
    for (let folder = dirname(path); !this.#safeNames.has(folder); folder = dirname(folder)) {
      const inode = new Inode("directory", this.#wallMs());
      this.#names.set(folder, inode);
      this.#safeNames.set(folder, inode);
    }
    const inode = new Inode("file", this.#wallMs());
    inode.write(Buffer.from(content), 0, this.#wallMs());
    inode.sync();
    this.#names.set(path, inode);
    this.#safeNames.set(path, inode);
  }

  /** Paths of files in a folder, sorted. */
  filesIn(folder: string): string[] {
    return [...this.#names.keys()].filter((path) => dirname(path) === folder && this.isFile(path)).sort();
  }

  get openFiles(): number {
    return this.#handles.size;
  }

  isFile(path: string): boolean {
    return this.#names.get(path)?.kind === "file";
  }

  inode(path: string): Inode | undefined {
    return this.#names.get(path);
  }

  /** A process that had files open is gone. */
  closeAll(): void {
    this.#handles.clear();
  }

  losePower(): void {
    this.closeAll();
    // Of each folder some changes are safe, the first ones first.
    for (const [folder, renamings] of Map.groupBy(this.#renamings, (each) => each.folder)) {
      const kept = this.#random.whole(0, renamings.length);
      for (const renaming of renamings.slice(0, kept)) this.#makeSafe(renaming);
      if (folder === VOLATILE) continue;
    }
    this.#renamings = [];
    this.#names.clear();
    const inodes = new Set<Inode>();
    for (const [path, inode] of this.#safeNames) {
      if (path.startsWith(`${VOLATILE}/`)) this.#safeNames.delete(path);
      else {
        this.#names.set(path, inode);
        inodes.add(inode);
      }
    }
    for (const inode of inodes) if (inode.kind === "file") inode.losePower(this.#random);
    // A folder whose own name was lost takes what is in it along.
    for (const path of this.#names.keys()) {
      if (path === "/" || this.#names.has(dirname(path))) continue;
      this.#names.delete(path);
      this.#safeNames.delete(path);
    }
  }

  // ---- As processes see it ---------------------------------------------------------------------------------

  open(path: string, flags: "r" | "a" | "wx" | "w" | "r+"): number {
    let inode = this.#names.get(path);
    if (flags === "wx" && inode !== undefined) throw new DiskError("EEXIST", "open", path);
    if (inode === undefined) {
      if (flags === "r" || flags === "r+" || !this.#names.has(dirname(path)))
        throw new DiskError("ENOENT", "open", path);
      this.#mayChange("open", path);
      inode = new Inode("file", this.#wallMs());
      this.#name(path, inode);
    } else if (inode.kind === "directory" && flags !== "r") throw new DiskError("EISDIR", "open", path);
    if (flags === "w") inode.truncate(0, this.#wallMs());
    const handle = this.#nextHandle++;
    this.#handles.set(handle, { inode, path, append: flags === "a", position: 0 });
    return handle;
  }

  close(handle: number): void {
    if (!this.#handles.delete(handle)) throw new DiskError("EBADF", "close", String(handle));
  }

  handle(number: number, syscall: string): Handle {
    const handle = this.#handles.get(number);
    if (handle === undefined) throw new DiskError("EBADF", syscall, String(number));
    return handle;
  }

  /** Bytes that were written; a disk that fills up may take a part. */
  write(number: number, bytes: Uint8Array, position: number | undefined): number {
    const handle = this.handle(number, "write");
    const at = handle.append ? handle.inode.size : (position ?? handle.position);
    let taken = bytes;
    this.#mayRefuse("write", handle.path);
    if (this.mood === "full" || (this.mood === "failing" && this.#random.chance(FAILING))) {
      const part = this.#random.chance(0.5) ? this.#random.whole(0, bytes.length - 1) : 0;
      if (part === 0) throw new DiskError(this.mood === "full" ? "ENOSPC" : "EIO", "write", handle.path);
      taken = bytes.subarray(0, part);
    }
    handle.inode.write(taken, at, this.#wallMs());
    if (position === undefined) handle.position = at + taken.length;
    return taken.length;
  }

  sync(number: number): void {
    const { inode, path } = this.handle(number, "fsync");
    this.#mayFail("fsync", path);
    if (inode.kind === "file") {
      inode.sync();
      return;
    }
    for (const renaming of this.#renamings) if (renaming.folder === path) this.#makeSafe(renaming);
    this.#renamings = this.#renamings.filter(({ folder }) => folder !== path);
  }

  truncateHandle(number: number, size: number): void {
    const { inode, path } = this.handle(number, "ftruncate");
    this.#mayFail("ftruncate", path);
    inode.truncate(size, this.#wallMs());
  }

  truncate(path: string, size: number): void {
    const inode = this.find(path, "open");
    this.#mayFail("truncate", path);
    inode.truncate(size, this.#wallMs());
  }

  find(path: string, syscall: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError("ENOENT", syscall, path);
    return inode;
  }

  list(folder: string): string[] {
    if (this.find(folder, "scandir").kind !== "directory") throw new DiskError("ENOTDIR", "scandir", folder);
    return [...this.#names.keys()]
      .filter((path) => path !== "/" && dirname(path) === folder)
      .map((path) => path.slice(folder === "/" ? 1 : folder.length + 1));
  }

  /** With those above it; gives the first one that was made. */
  makeFolder(path: string): string | undefined {
    if (this.#names.get(path)?.kind === "directory") return undefined;
    if (this.#names.has(path)) throw new DiskError("EEXIST", "mkdir", path);
    const above = this.#names.has(dirname(path)) ? undefined : this.makeFolder(dirname(path));
    this.#mayChange("mkdir", path);
    this.#name(path, new Inode("directory", this.#wallMs()));
    return above ?? path;
  }

  rename(from: string, to: string): void {
    const inode = this.find(from, "rename");
    if (dirname(from) !== dirname(to)) throw new Error("the simulated disk renames within a folder only");
    this.#mayChange("rename", from);
    this.#names.delete(from);
    this.#names.set(to, inode);
    // One step: there is no moment in which neither name is there.
    this.#renamings.push(
      { folder: dirname(to), path: to, inode },
      { folder: dirname(from), path: from, inode: undefined },
    );
  }

  remove(path: string): void {
    this.find(path, "unlink");
    this.#mayFail("unlink", path);
    this.#names.delete(path);
    this.#renamings.push({ folder: dirname(path), path, inode: undefined });
  }

  #name(path: string, inode: Inode): void {
    this.#names.set(path, inode);
    this.#renamings.push({ folder: dirname(path), path, inode });
  }

  #makeSafe({ path, inode }: Renaming): void {
    if (inode === undefined) this.#safeNames.delete(path);
    else this.#safeNames.set(path, inode);
  }

  /** For what needs room. */
  #mayChange(syscall: string, path: string): void {
    if (this.mood === "full") throw new DiskError("ENOSPC", syscall, path);
    this.#mayFail(syscall, path);
  }

  #mayFail(syscall: string, path: string): void {
    this.#mayRefuse(syscall, path);
    if (this.mood === "failing" && this.#random.chance(FAILING)) throw new DiskError("EIO", syscall, path);
  }

  #mayRefuse(syscall: string, path: string): void {
    if (this.refuses(syscall, path)) throw new DiskError("EIO", syscall, path);
  }
}

/** Where the disk of a machine is. */
export const presentDisks: Present<(machine: Machine) => Disk> = new Present("disks");
