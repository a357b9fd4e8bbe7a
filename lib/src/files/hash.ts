/** SHA-256 of a file's content. */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1 << 18;
let chunk: Buffer | undefined;

/** Opens a file to look at it: never waiting for a pipe's other side, and `link: false` not through a symbolic link. */
export function openToLook(path: string, options: { link: boolean }): number {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  return openSync(path, O_RDONLY | O_NONBLOCK | (options.link ? 0 : O_NOFOLLOW));
}

/** Lower case hex of an open file's hash, from its beginning; at most `bytesMax` bytes are read, and more are undefined. */
export function hashOf(file: number, bytesMax: number): string | undefined {
  chunk ??= Buffer.alloc(CHUNK_BYTES);
  const hash = createHash("sha256");
  for (let at = 0; ; ) {
    const count = readSync(file, chunk, 0, CHUNK_BYTES, at);
    if (count === 0) return hash.digest("hex");
    at += count;
    // A file that grows while it is read is not read for ever.
    if (at > bytesMax) return undefined;
    hash.update(chunk.subarray(0, count));
  }
}

/** Closes without a word: what was read is there. */
export function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // Nothing was written to it.
  }
}
