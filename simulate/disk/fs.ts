/** Stands in for node:fs: each call is one of the process that runs, on its machine's disk. Only what the product uses, and only as it does. */
import { runningProcess } from "../schedule/index.ts";
import { type Disk, presentDisks } from "./index.ts";
import type { Inode } from "./inode.ts";

/** The disk of whoever runs; each call may be the one at which it is killed. */
function disk(): Disk {
  const process = runningProcess();
  process.enterCall();
  return presentDisks.now(process.machine);
}

interface Stats {
  size: number;
  mtimeMs: number;
  mode: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

function statsOf(inode: Inode): Stats {
  return {
    size: inode.size,
    mtimeMs: inode.mtimeMs,
    mode: 0o600,
    isFile: () => inode.kind === "file",
    isDirectory: () => inode.kind === "directory",
  };
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? Buffer.from(content) : content;
}

export function openSync(path: string, flags: "r" | "a" | "wx" | "w" | "r+", _mode?: number): number {
  return disk().open(path, flags);
}

export function closeSync(handle: number): void {
  disk().close(handle);
}

export function writeSync(
  handle: number,
  bytes: Uint8Array,
  offset = 0,
  length: number = bytes.length - offset,
): number {
  return disk().write(handle, bytes.subarray(offset, offset + length), undefined);
}

export function readSync(handle: number, into: Uint8Array, offset: number, length: number, position: number): number {
  return disk().handle(handle, "read").inode.read(into, offset, length, position);
}

export function fsyncSync(handle: number): void {
  disk().sync(handle);
}

export function fdatasyncSync(handle: number): void {
  disk().sync(handle);
}

export function ftruncateSync(handle: number, size: number): void {
  disk().truncateHandle(handle, size);
}

export function truncateSync(path: string, size: number): void {
  disk().truncate(path, size);
}

export function fstatSync(handle: number): Stats {
  return statsOf(disk().handle(handle, "fstat").inode);
}

export function statSync(path: string, options: { throwIfNoEntry?: boolean } = {}): Stats | undefined {
  const found = disk();
  if (options.throwIfNoEntry === false && found.inode(path) === undefined) return undefined;
  return statsOf(found.find(path, "stat"));
}

export function lstatSync(path: string, options: { throwIfNoEntry?: boolean } = {}): Stats | undefined {
  return statSync(path, options);
}

export function existsSync(path: string): boolean {
  return disk().inode(path) !== undefined;
}

export function readFileSync(path: string, encoding?: BufferEncoding | { encoding?: BufferEncoding }): Buffer | string {
  const content = Buffer.from(disk().find(path, "open").content);
  const name = typeof encoding === "string" ? encoding : encoding?.encoding;
  return name === undefined ? content : content.toString(name);
}

export function writeFileSync(path: string, content: string | Uint8Array): void {
  const handle = openSync(path, "w");
  const bytes = bytesOf(content);
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
  closeSync(handle);
}

export function readdirSync(folder: string): string[] {
  return disk().list(folder);
}

export function mkdirSync(path: string, _options?: { recursive?: boolean; mode?: number }): string | undefined {
  return disk().makeFolder(path);
}

export function renameSync(from: string, to: string): void {
  disk().rename(from, to);
}

export function unlinkSync(path: string): void {
  disk().remove(path);
}

export function rmSync(path: string, { force = false }: { force?: boolean } = {}): void {
  const found = disk();
  if (force && found.inode(path) === undefined) return;
  found.remove(path);
}

/** Nobody has links here. */
export function readlinkSync(path: string): string {
  disk().find(`${path} (a link)`, "readlink");
  return "";
}

/** Nobody changes a file under a process here, but the process itself. */
export function watchFile(): void {
  disk();
}

export function unwatchFile(): void {
  disk();
}
