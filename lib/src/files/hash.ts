/** SHA-256 of a file's content, of a file that may be any. */
import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1 << 18;
let chunk: Buffer | undefined;

export interface HashOptions {
  /** False does not go through a symbolic link. */
  link: boolean;
  /** Larger files are not read. */
  bytesMax: number;
  /** Whether the file that was opened is the one that was meant: another may stand under its name by now. */
  isMeant: (stat: BigIntStats) => boolean;
}

/** Lower case hex, and what the file was when it was read; undefined where it was not. Never waits and never throws. */
export function hashFile(path: string, options: HashOptions): { stat: BigIntStats; sha256: string } | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let file: number;
  try {
    // Without O_NONBLOCK a pipe would wait for its other side.
    file = openSync(path, O_RDONLY | O_NONBLOCK | (options.link ? 0 : O_NOFOLLOW));
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile() || stat.size > BigInt(options.bytesMax) || !options.isMeant(stat)) return undefined;
    const sha256 = hashOf(file, options.bytesMax);
    return sha256 === undefined ? undefined : { stat, sha256 };
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Hash of an open file, from its beginning; undefined past the bound: one that grows is not read for ever. */
function hashOf(file: number, bytesMax: number): string | undefined {
  chunk ??= Buffer.alloc(CHUNK_BYTES);
  const hash = createHash("sha256");
  for (let at = 0; ; ) {
    const count = readSync(file, chunk, 0, CHUNK_BYTES, at);
    if (count === 0) return hash.digest("hex");
    at += count;
    if (at > bytesMax) return undefined;
    hash.update(chunk.subarray(0, count));
  }
}
