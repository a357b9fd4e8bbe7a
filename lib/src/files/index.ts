/** Files that are there whole or not at all. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

export { hashFile } from "./hash.ts";
export { insideRoot } from "./inside.ts";

/** Writes a file (mode 0600) beside its place, syncs it, and moves it there. */
export function writeFileDurably(path: string, content: string | Uint8Array): void {
  const next = `${path}.new`;
  // Made anew, so that mode and place are ours whatever lay there.
  rmSync(next, { force: true });
  const file = openSync(next, "wx", 0o600);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    // A disk that is nearly full may take a part.
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
  syncDirectory(dirname(path));
}

/** Syncs a folder, so that a new name in it survives a power loss. */
export function syncDirectory(path: string): void {
  syncFile(path);
}

/** Syncs a file, whoever wrote it. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a folder that only its owner can enter, and whose name survives a power loss, since all that is in it goes with it. */
export function makePrivateDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 }) ?? path;
  // Also one that was there: whoever made it may have ended before it came to this.
  for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made))
    syncDirectory(dirname(made));
}

/** Reads a secret; refuses a file that others can read or write. */
export function readSecretFile(path: string): string {
  const { mode } = statSync(path);
  if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    throw new Error(`${path} is a secret and has mode ${octal}; allowed are 0600 and 0400`);
  }
  return readFileSync(path, "utf8");
}
